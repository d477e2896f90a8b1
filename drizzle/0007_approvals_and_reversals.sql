CREATE TABLE "payout_reversal_attempts" (
	"reversal_id" uuid NOT NULL,
	"attempt_number" integer NOT NULL,
	"sent_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"answered_at" timestamp with time zone,
	"outcome" text,
	"resolution" text,
	"reason" text,
	"ends_reversal" boolean DEFAULT false NOT NULL,
	"answer" json,
	"http_status" smallint,
	"request_id" text,
	"replayed" boolean,
	"stripe_reversal_id" text,
	CONSTRAINT "payout_reversal_attempts_reversal_id_attempt_number_pk" PRIMARY KEY("reversal_id","attempt_number"),
	CONSTRAINT "payout_reversal_attempts_outcome" CHECK ("payout_reversal_attempts"."outcome" in ('created', 'not_created', 'unknown') and "payout_reversal_attempts"."resolution" in ('created', 'not_created')),
	CONSTRAINT "payout_reversal_attempts_created_has_id" CHECK ("payout_reversal_attempts"."resolution" is distinct from 'created' or "payout_reversal_attempts"."stripe_reversal_id" is not null)
);
--> statement-breakpoint
CREATE TABLE "payout_reversals" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"transfer_id" uuid NOT NULL,
	"settlement_id" text NOT NULL,
	"stripe_transfer_id" text NOT NULL,
	"idempotency_key" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"metadata" json NOT NULL,
	"stripe_account_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"reversed_before_minor" bigint NOT NULL,
	"requested_by" text NOT NULL,
	"reason" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"claim_run_id" text,
	"attempt_count" integer DEFAULT 0 NOT NULL,
	"failure_class" text,
	"failure_reason" text,
	"seen_as_expected_at" timestamp with time zone,
	"first_sent_at" timestamp with time zone,
	"not_seen_since" timestamp with time zone,
	"stripe_reversal_id" text,
	"came_back_minor" bigint,
	"run_asked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"ended_at" timestamp with time zone,
	CONSTRAINT "payout_reversals_idempotency_key_unique" UNIQUE("idempotency_key"),
	CONSTRAINT "payout_reversals_stripe_reversal_id_unique" UNIQUE("stripe_reversal_id"),
	CONSTRAINT "payout_reversals_status" CHECK ("payout_reversals"."status" in ('pending', 'processing', 'unknown', 'completed', 'refused')),
	CONSTRAINT "payout_reversals_amount_is_safe" CHECK ("payout_reversals"."amount_minor" between 1 and 9007199254740991),
	CONSTRAINT "payout_reversals_before_is_safe" CHECK ("payout_reversals"."reversed_before_minor" between 0 and 9007199254740991),
	CONSTRAINT "payout_reversals_completed_has_id" CHECK (("payout_reversals"."status" = 'completed') = ("payout_reversals"."stripe_reversal_id" is not null)),
	CONSTRAINT "payout_reversals_end" CHECK (("payout_reversals"."status" in ('completed', 'refused')) = ("payout_reversals"."ended_at" is not null)),
	CONSTRAINT "payout_reversals_has_reason" CHECK ("payout_reversals"."status" not in ('unknown', 'refused') or ("payout_reversals"."failure_reason" is not null and "payout_reversals"."failure_class" is not null)),
	CONSTRAINT "payout_reversals_came_back" CHECK ("payout_reversals"."came_back_minor" is null or ("payout_reversals"."status" = 'completed' and "payout_reversals"."came_back_minor" between 1 and 9007199254740991))
);
--> statement-breakpoint
CREATE TABLE "refusal_counts" (
	"code" text PRIMARY KEY NOT NULL,
	"refused_count" bigint DEFAULT 0 NOT NULL,
	"last_refused_at" timestamp with time zone DEFAULT payout_now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "approved_by" text;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "approved_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "approved_hash" text;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "held_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD COLUMN "approval" text DEFAULT 'not_required' NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD COLUMN "approved_account_version" integer;--> statement-breakpoint
ALTER TABLE "payout_reversal_attempts" ADD CONSTRAINT "payout_reversal_attempts_reversal_id_payout_reversals_id_fk" FOREIGN KEY ("reversal_id") REFERENCES "public"."payout_reversals"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_reversals" ADD CONSTRAINT "payout_reversals_transfer_id_payout_transfers_id_fk" FOREIGN KEY ("transfer_id") REFERENCES "public"."payout_transfers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "payout_reversals_one_open" ON "payout_reversals" USING btree ("transfer_id") WHERE "payout_reversals"."status" in ('pending', 'processing', 'unknown');--> statement-breakpoint
CREATE INDEX "payout_reversals_by_settlement" ON "payout_reversals" USING btree ("settlement_id","created_at");--> statement-breakpoint
CREATE INDEX "payout_reversals_by_transfer" ON "payout_reversals" USING btree ("transfer_id","created_at");--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD CONSTRAINT "payout_jobs_approved_by_somebody" CHECK (("payout_jobs"."approval" = 'approved') = ("payout_jobs"."approved_at" is not null) and ("payout_jobs"."approved_at" is null) = ("payout_jobs"."approved_by" is null) and ("payout_jobs"."approved_at" is null) = ("payout_jobs"."approved_hash" is null));--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD CONSTRAINT "payout_transfers_approval" CHECK ("payout_transfers"."approval" in ('not_required', 'required', 'approved'));--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD CONSTRAINT "payout_transfers_approved_account" CHECK (("payout_transfers"."approval" = 'approved') = ("payout_transfers"."approved_account_version" is not null));
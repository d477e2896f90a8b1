-- Settlements that other systems write, Stripe's events, the registry of recurring work, funds and cancel requests.

-- Its successor in 0006 lets a settlement be written, handed in and mended until it is accepted.
DROP TRIGGER "settlements_final" ON "settlements";--> statement-breakpoint
CREATE TABLE "admin_jobs" (
	"name" text PRIMARY KEY NOT NULL,
	"schedule" text NOT NULL,
	"status" text DEFAULT 'registered' NOT NULL,
	"run_id" text,
	"registered_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"succeeded_at" timestamp with time zone,
	"counts" json,
	"failure" text,
	"resume_after" text,
	"run_count" integer DEFAULT 0 NOT NULL,
	"failed_run_count" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "admin_jobs_status" CHECK ("admin_jobs"."status" in ('registered', 'running', 'succeeded', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "stripe_events" (
	"event_id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"object_id" text NOT NULL,
	"account_id" text,
	"payout_transfer_id" text,
	"installation_id" text,
	"livemode" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"delivery_count" integer DEFAULT 1 NOT NULL,
	"status" text DEFAULT 'received' NOT NULL,
	"result" text,
	"processed_at" timestamp with time zone,
	"try_count" integer DEFAULT 0 NOT NULL,
	"next_try_at" timestamp with time zone,
	CONSTRAINT "stripe_events_status" CHECK ("stripe_events"."status" in ('received', 'processed', 'ignored')),
	CONSTRAINT "stripe_events_end" CHECK (("stripe_events"."status" = 'received') = ("stripe_events"."processed_at" is null) and ("stripe_events"."processed_at" is null or "stripe_events"."result" is not null))
);
--> statement-breakpoint
ALTER TABLE "settlements" DROP CONSTRAINT "settlements_currency_is_lower_case";--> statement-breakpoint
ALTER TABLE "settlement_winners" ALTER COLUMN "award" SET DEFAULT 'prize';--> statement-breakpoint
ALTER TABLE "settlements" ALTER COLUMN "total_minor" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "settlements" ALTER COLUMN "winner_count" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "settlements" ALTER COLUMN "content_hash" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "funds_needed_minor" bigint;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "funds_available_minor" bigint;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "funds_asked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "funds_ask_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD COLUMN "cancel_requested_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "settlements" ADD COLUMN "status" text DEFAULT 'open' NOT NULL;--> statement-breakpoint
ALTER TABLE "settlements" ADD COLUMN "recorded_by" text;--> statement-breakpoint
ALTER TABLE "settlements" ADD COLUMN "rejected_reasons" json;--> statement-breakpoint
ALTER TABLE "settlements" ADD COLUMN "rejected_at" timestamp with time zone;--> statement-breakpoint
-- What stands here already was recorded with its job in one transaction; anything else has yet to be checked.
UPDATE "settlements" SET "status" = CASE WHEN EXISTS (
  SELECT FROM "payout_jobs" WHERE "payout_jobs"."settlement_id" = "settlements"."settlement_id"
) THEN 'accepted' ELSE 'completed' END;--> statement-breakpoint
CREATE INDEX "user_stripe_accounts_by_account" ON "user_stripe_accounts" USING btree ("stripe_account_id");--> statement-breakpoint
CREATE INDEX "stripe_events_waiting" ON "stripe_events" USING btree ("received_at") WHERE "stripe_events"."status" = 'received';--> statement-breakpoint
CREATE INDEX "stripe_events_of_transfer" ON "stripe_events" USING btree ("payout_transfer_id") WHERE "stripe_events"."payout_transfer_id" is not null;--> statement-breakpoint
CREATE INDEX "settlements_handed_in" ON "settlements" USING btree ("recorded_at") WHERE "settlements"."status" in ('completed', 'rejected');--> statement-breakpoint
ALTER TABLE "settlements" ADD CONSTRAINT "settlements_status" CHECK ("settlements"."status" in ('open', 'completed', 'accepted', 'rejected'));--> statement-breakpoint
ALTER TABLE "settlements" ADD CONSTRAINT "settlements_accepted_is_whole" CHECK ("settlements"."status" <> 'accepted' or ("settlements"."currency" ~ '^[a-z]{3}$' and "settlements"."total_minor" is not null and "settlements"."winner_count" is not null and "settlements"."content_hash" is not null));--> statement-breakpoint
ALTER TABLE "settlements" ADD CONSTRAINT "settlements_rejected_says_why" CHECK ("settlements"."status" <> 'rejected' or ("settlements"."rejected_reasons" is not null and "settlements"."rejected_at" is not null));
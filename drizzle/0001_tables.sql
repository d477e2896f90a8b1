CREATE TABLE "installation" (
	"singleton" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"installation_id" text NOT NULL,
	"stripe_account_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"installed_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	CONSTRAINT "installation_is_one_row" CHECK ("installation"."singleton")
);
--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"ledger_transaction_id" bigint NOT NULL,
	"account" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	CONSTRAINT "ledger_entries_account" CHECK ("ledger_entries"."account" in ('prize_expense', 'prizes_payable', 'stripe_balance', 'reversed_prizes', 'overpaid')),
	CONSTRAINT "ledger_entries_amount_is_safe" CHECK ("ledger_entries"."amount_minor" <> 0 and "ledger_entries"."amount_minor" between -9007199254740991 and 9007199254740991)
);
--> statement-breakpoint
CREATE TABLE "ledger_transactions" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"idempotency_key" text NOT NULL,
	"kind" text NOT NULL,
	"settlement_id" text NOT NULL,
	"transfer_id" uuid,
	"attempt_number" integer,
	"reason" text,
	"stripe_transfer_id" text,
	"posted_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	CONSTRAINT "ledger_transactions_idempotency_key_unique" UNIQUE("idempotency_key"),
	CONSTRAINT "ledger_transactions_kind" CHECK ("ledger_transactions"."kind" in ('settlement', 'payout', 'refusal')),
	CONSTRAINT "ledger_transactions_payout_is_whose" CHECK ("ledger_transactions"."kind" <> 'payout' or ("ledger_transactions"."transfer_id" is not null and "ledger_transactions"."stripe_transfer_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "operator_actions" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"action" text NOT NULL,
	"actor" text NOT NULL,
	"reason" text NOT NULL,
	"subject" json NOT NULL,
	"acted_at" timestamp with time zone DEFAULT payout_now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payout_attempts" (
	"transfer_id" uuid NOT NULL,
	"attempt_number" integer NOT NULL,
	"generation" integer NOT NULL,
	"claim_number" integer NOT NULL,
	"sent_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"answered_at" timestamp with time zone,
	"outcome" text,
	"resolution" text,
	"reason" text,
	"leads_to" text,
	"closes_generation" boolean DEFAULT false NOT NULL,
	"counted" boolean DEFAULT false NOT NULL,
	"answer" json,
	"http_status" smallint,
	"request_id" text,
	"replayed" boolean,
	"stripe_transfer_id" text,
	CONSTRAINT "payout_attempts_transfer_id_attempt_number_pk" PRIMARY KEY("transfer_id","attempt_number"),
	CONSTRAINT "payout_attempts_outcome" CHECK ("payout_attempts"."outcome" in ('created', 'not_created', 'unknown') and "payout_attempts"."resolution" in ('created', 'not_created')),
	CONSTRAINT "payout_attempts_created_has_id" CHECK ("payout_attempts"."resolution" is distinct from 'created' or "payout_attempts"."stripe_transfer_id" is not null)
);
--> statement-breakpoint
CREATE TABLE "payout_controls" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"settlement_id" text,
	"cause" text NOT NULL,
	"owner" text NOT NULL,
	"set_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"lifted_at" timestamp with time zone,
	CONSTRAINT "payout_controls_owner" CHECK ("payout_controls"."owner" in ('operator', 'automation'))
);
--> statement-breakpoint
CREATE TABLE "payout_generations" (
	"transfer_id" uuid NOT NULL,
	"generation" integer NOT NULL,
	"idempotency_key" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"destination" text NOT NULL,
	"transfer_group" text NOT NULL,
	"metadata" json NOT NULL,
	"stripe_account_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"opened_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"first_sent_at" timestamp with time zone,
	"closed_at" timestamp with time zone,
	"closed_reason" text,
	CONSTRAINT "payout_generations_transfer_id_generation_pk" PRIMARY KEY("transfer_id","generation"),
	CONSTRAINT "payout_generations_idempotency_key_unique" UNIQUE("idempotency_key"),
	CONSTRAINT "payout_generations_amount_is_safe" CHECK ("payout_generations"."amount_minor" between 1 and 9007199254740991),
	CONSTRAINT "payout_generations_closed_has_reason" CHECK (("payout_generations"."closed_at" is null) = ("payout_generations"."closed_reason" is null))
);
--> statement-breakpoint
CREATE TABLE "payout_jobs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"settlement_id" text NOT NULL,
	"contest_id" text NOT NULL,
	"currency" text NOT NULL,
	"total_minor" bigint NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"approval" text DEFAULT 'not_required' NOT NULL,
	"workflow_run_id" text,
	"completed_count" integer DEFAULT 0 NOT NULL,
	"failed_count" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"completed_at" timestamp with time zone,
	CONSTRAINT "payout_jobs_settlement_id_unique" UNIQUE("settlement_id"),
	CONSTRAINT "payout_jobs_status" CHECK ("payout_jobs"."status" in ('pending', 'awaiting_approval', 'awaiting_funds', 'processing', 'complete')),
	CONSTRAINT "payout_jobs_approval" CHECK ("payout_jobs"."approval" in ('not_required', 'required', 'approved'))
);
--> statement-breakpoint
CREATE TABLE "payout_transfers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"payout_job_id" uuid NOT NULL,
	"settlement_id" text NOT NULL,
	"contest_id" text NOT NULL,
	"user_id" text NOT NULL,
	"award" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"claim_number" integer DEFAULT 0 NOT NULL,
	"claim_run_id" text,
	"attempt_count" integer DEFAULT 0 NOT NULL,
	"counted_attempt_count" integer DEFAULT 0 NOT NULL,
	"max_attempts" integer NOT NULL,
	"failure_class" text,
	"failure_reason" text,
	"stripe_transfer_id" text,
	"amount_reversed" bigint DEFAULT 0 NOT NULL,
	"payee_wait_since" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"completed_at" timestamp with time zone,
	CONSTRAINT "payout_transfers_stripe_transfer_id_unique" UNIQUE("stripe_transfer_id"),
	CONSTRAINT "payout_transfers_one_per_award" UNIQUE("contest_id","user_id","award"),
	CONSTRAINT "payout_transfers_status" CHECK ("payout_transfers"."status" in ('pending', 'processing', 'retryable', 'blocked', 'unknown', 'completed', 'failed_terminal', 'cancelled', 'voided')),
	CONSTRAINT "payout_transfers_amount_is_safe" CHECK ("payout_transfers"."amount_minor" between 1 and 9007199254740991),
	CONSTRAINT "payout_transfers_paid_means_stripe_id" CHECK (("payout_transfers"."status" = 'completed') = ("payout_transfers"."stripe_transfer_id" is not null)),
	CONSTRAINT "payout_transfers_unpaid_has_reason" CHECK ("payout_transfers"."status" not in ('blocked', 'unknown', 'failed_terminal') or ("payout_transfers"."failure_reason" is not null and "payout_transfers"."failure_class" is not null)),
	CONSTRAINT "payout_transfers_claim" CHECK ("payout_transfers"."status" <> 'processing' or "payout_transfers"."claim_run_id" is not null),
	CONSTRAINT "payout_transfers_reversed_is_part" CHECK ("payout_transfers"."amount_reversed" between 0 and "payout_transfers"."amount_minor"),
	CONSTRAINT "payout_transfers_attempts" CHECK ("payout_transfers"."counted_attempt_count" <= "payout_transfers"."attempt_count" and "payout_transfers"."max_attempts" > 0)
);
--> statement-breakpoint
CREATE TABLE "settlement_winners" (
	"settlement_id" text NOT NULL,
	"user_id" text NOT NULL,
	"award" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	CONSTRAINT "settlement_winners_settlement_id_user_id_award_pk" PRIMARY KEY("settlement_id","user_id","award"),
	CONSTRAINT "settlement_winners_amount_is_safe" CHECK ("settlement_winners"."amount_minor" between 1 and 9007199254740991)
);
--> statement-breakpoint
CREATE TABLE "settlements" (
	"settlement_id" text PRIMARY KEY NOT NULL,
	"contest_id" text NOT NULL,
	"currency" text NOT NULL,
	"total_minor" bigint NOT NULL,
	"winner_count" integer NOT NULL,
	"content_hash" text NOT NULL,
	"recorded_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	CONSTRAINT "settlements_total_is_safe" CHECK ("settlements"."total_minor" between 1 and 9007199254740991),
	CONSTRAINT "settlements_have_winners" CHECK ("settlements"."winner_count" > 0),
	CONSTRAINT "settlements_currency_is_lower_case" CHECK ("settlements"."currency" ~ '^[a-z]{3}$')
);
--> statement-breakpoint
CREATE TABLE "user_stripe_accounts" (
	"user_id" text PRIMARY KEY NOT NULL,
	"stripe_account_id" text NOT NULL,
	"readiness" text DEFAULT 'not_asked' NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"imported_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT payout_now() NOT NULL,
	CONSTRAINT "user_stripe_accounts_readiness" CHECK ("user_stripe_accounts"."readiness" in ('not_asked', 'ready', 'not_ready')),
	CONSTRAINT "user_stripe_accounts_are_accounts" CHECK ("user_stripe_accounts"."stripe_account_id" ~ '^acct_[A-Za-z0-9_]+$')
);
--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_ledger_transaction_id_ledger_transactions_id_fk" FOREIGN KEY ("ledger_transaction_id") REFERENCES "public"."ledger_transactions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_attempts" ADD CONSTRAINT "payout_attempts_generation" FOREIGN KEY ("transfer_id","generation") REFERENCES "public"."payout_generations"("transfer_id","generation") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_generations" ADD CONSTRAINT "payout_generations_transfer_id_payout_transfers_id_fk" FOREIGN KEY ("transfer_id") REFERENCES "public"."payout_transfers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD CONSTRAINT "payout_jobs_settlement_id_settlements_settlement_id_fk" FOREIGN KEY ("settlement_id") REFERENCES "public"."settlements"("settlement_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD CONSTRAINT "payout_transfers_payout_job_id_payout_jobs_id_fk" FOREIGN KEY ("payout_job_id") REFERENCES "public"."payout_jobs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "settlement_winners" ADD CONSTRAINT "settlement_winners_settlement_id_settlements_settlement_id_fk" FOREIGN KEY ("settlement_id") REFERENCES "public"."settlements"("settlement_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ledger_entries_by_transaction" ON "ledger_entries" USING btree ("ledger_transaction_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_transactions_one_payout" ON "ledger_transactions" USING btree ("transfer_id") WHERE "ledger_transactions"."kind" = 'payout';--> statement-breakpoint
CREATE INDEX "ledger_transactions_by_settlement" ON "ledger_transactions" USING btree ("settlement_id","id");--> statement-breakpoint
CREATE INDEX "payout_attempts_unresolved" ON "payout_attempts" USING btree ("transfer_id","generation") WHERE "payout_attempts"."resolution" is null;--> statement-breakpoint
CREATE INDEX "payout_controls_in_force" ON "payout_controls" USING btree ("settlement_id") WHERE "payout_controls"."lifted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "payout_generations_one_open" ON "payout_generations" USING btree ("transfer_id") WHERE "payout_generations"."closed_at" is null;--> statement-breakpoint
CREATE INDEX "payout_jobs_open" ON "payout_jobs" USING btree ("status") WHERE "payout_jobs"."status" <> 'complete';--> statement-breakpoint
CREATE INDEX "payout_transfers_by_job" ON "payout_transfers" USING btree ("payout_job_id","status","id");--> statement-breakpoint
CREATE INDEX "payout_transfers_by_waiting_user" ON "payout_transfers" USING btree ("user_id") WHERE "payout_transfers"."status" not in ('completed', 'voided');
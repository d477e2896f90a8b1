ALTER TABLE "ledger_transactions" DROP CONSTRAINT "ledger_transactions_kind";--> statement-breakpoint
ALTER TABLE "ledger_transactions" DROP CONSTRAINT "ledger_transactions_payout_is_whose";--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "actor" text;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "reason" text;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "lifted_by" text;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "lift_reason" text;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "next_look_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "look_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "needed_minor" bigint;--> statement-breakpoint
ALTER TABLE "payout_controls" ADD COLUMN "currency" text;--> statement-breakpoint
ALTER TABLE "payout_generations" ADD COLUMN "list_read_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "stripe_list_read_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "stripe_list_wanted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "sealed_ledger_hash" text;--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD COLUMN "sealed_ledger_id" bigint;--> statement-breakpoint
ALTER TABLE "payout_transfers" ADD COLUMN "not_seen_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "user_stripe_accounts" ADD COLUMN "next_ask_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "user_stripe_accounts" ADD COLUMN "ask_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "ledger_transactions" ADD CONSTRAINT "ledger_transactions_job" FOREIGN KEY ("settlement_id") REFERENCES "public"."payout_jobs"("settlement_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_transactions_one_of_stripe_transfer" ON "ledger_transactions" USING btree ("stripe_transfer_id") WHERE "ledger_transactions"."kind" in ('payout', 'overpaid');--> statement-breakpoint
-- Two alarms of one cause could be raised at once before; the older says all that both do.
UPDATE "payout_controls" AS "newer" SET "lifted_at" = payout_now() WHERE "newer"."lifted_at" IS NULL AND EXISTS (
  SELECT FROM "payout_controls" AS "older" WHERE "older"."lifted_at" IS NULL AND "older"."id" < "newer"."id"
    AND "older"."cause" = "newer"."cause" AND "older"."settlement_id" IS NOT DISTINCT FROM "newer"."settlement_id"
);--> statement-breakpoint
CREATE UNIQUE INDEX "payout_controls_one_in_force" ON "payout_controls" USING btree (coalesce("settlement_id", ''),"cause") WHERE "payout_controls"."lifted_at" is null;--> statement-breakpoint
ALTER TABLE "ledger_transactions" ADD CONSTRAINT "ledger_transactions_kind" CHECK ("ledger_transactions"."kind" in ('settlement', 'payout', 'refusal', 'void', 'overpaid', 'reversal'));--> statement-breakpoint
ALTER TABLE "ledger_transactions" ADD CONSTRAINT "ledger_transactions_payout_is_whose" CHECK ("ledger_transactions"."kind" not in ('payout', 'overpaid') or ("ledger_transactions"."transfer_id" is not null and "ledger_transactions"."stripe_transfer_id" is not null));--> statement-breakpoint
ALTER TABLE "payout_controls" ADD CONSTRAINT "payout_controls_lifted_by_somebody" CHECK ("payout_controls"."lifted_by" is null or "payout_controls"."lifted_at" is not null);--> statement-breakpoint
ALTER TABLE "payout_jobs" ADD CONSTRAINT "payout_jobs_seal" CHECK (("payout_jobs"."sealed_ledger_hash" is null) = ("payout_jobs"."sealed_ledger_id" is null));
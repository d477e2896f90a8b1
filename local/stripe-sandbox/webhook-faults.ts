import type { z } from 'zod';

import { newId } from './ids';
import type { EventRow } from './rows';
import type { StateStore } from './state-store';
import type { WebhookFault, WebhookFaultRule, webhookFaultRuleSchema } from './webhook-fault-rules';

export function addWebhookFaults(
  store: StateStore,
  rules: readonly z.infer<typeof webhookFaultRuleSchema>[],
): string[] {
  return rules.map((rule) => {
    const id = newId('whfault');
    store.put('webhookFaults', id, { ...rule, id });
    return id;
  });
}

/** The first rule that matches; used up when it has fired as often as it says. */
export function takeWebhookFault(store: StateStore, event: EventRow): WebhookFault | null {
  const rule = store.values('webhookFaults').find(({ match }) => matches(match, event));
  if (rule === undefined) {
    return null;
  }
  if (rule.times > 1) {
    store.put('webhookFaults', rule.id, { ...rule, times: rule.times - 1 });
  } else {
    store.delete('webhookFaults', rule.id);
  }
  return rule.fault;
}

function matches(match: WebhookFaultRule['match'], { type, object }: EventRow): boolean {
  const metadata = object['metadata'] as Record<string, string> | undefined;
  return (
    agrees(match.type, type) &&
    agrees(match.objectId, object['id']) &&
    agrees(match.destination, object['destination']) &&
    agrees(match.transferGroup, object['transfer_group']) &&
    Object.entries(match.metadata ?? {}).every(([key, value]) => metadata?.[key] === value)
  );
}

function agrees(wanted: string | undefined, actual: unknown): boolean {
  return wanted === undefined || wanted === actual;
}

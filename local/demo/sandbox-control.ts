/** What the Stripe sandbox counted itself, whatever the product believes. */
export interface SandboxOracle {
  readonly posts: number;
  readonly executions: number;
  readonly totalsByCurrency: Readonly<Record<string, number>>;
  readonly byPayoutTransferId: Readonly<
    Record<string, { readonly count: number; readonly amountMinor: number }>
  >;
}

/** Tells the sandbox what to do to whom; not part of Stripe, and nothing that the product knows of. */
export async function controlSandbox(
  stripeApiBase: string,
  name: 'accounts' | 'faults',
  body: object,
): Promise<void> {
  const response = await fetch(`${stripeApiBase}/_sandbox/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`the sandbox refused ${name}: ${await response.text()}`);
  }
}

export async function askOracle(stripeApiBase: string): Promise<SandboxOracle> {
  const response = await fetch(`${stripeApiBase}/_sandbox/oracle`);
  return (await response.json()) as SandboxOracle;
}

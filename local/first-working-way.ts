/** One way to come by a program: gives its path, or throws and says why not. */
export interface Way {
  name: string;
  find(): Promise<string>;
}

/** The result of the first way that works; if none does, one error with what each of them said. */
export async function firstWorkingWay(wanted: string, ways: readonly Way[]): Promise<string> {
  const refusals: string[] = [];
  for (const way of ways) {
    try {
      return await way.find();
    } catch (error) {
      refusals.push(`  ${way.name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(
    `no way to get ${wanted}; tried ${String(ways.length)} ways:\n${refusals.join('\n')}`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { makeOnce } from './make-once';
import { runCommand } from './run-command';

const BUILD_LIMIT_MS = 15 * 60_000;

export interface GoTool {
  /** Folder with the committed go.mod and go.sum which pin the tool and all it needs. */
  moduleDirectory: string;
  packagePath: string;
  target: string;
  signal?: AbortSignal | undefined;
}

/** Builds a program from its committed Go tool module, once per cache. */
export async function buildGoTool(tool: GoTool): Promise<string> {
  return makeOnce(
    tool.target,
    (draft) =>
      runCommand('go', ['build', '-o', draft, tool.packagePath], {
        cwd: tool.moduleDirectory,
        limitMs: BUILD_LIMIT_MS,
        signal: tool.signal,
      }),
    tool.signal,
  );
}

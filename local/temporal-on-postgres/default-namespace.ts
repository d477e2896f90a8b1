import { Connection, isGrpcServiceError } from '@temporalio/client';
import { google } from '@temporalio/proto';

const NAMESPACE = 'default';
/** What the dev server gives it; `payouts setup` lengthens it to what the product needs. */
const RETENTION = google.protobuf.Duration.fromObject({ seconds: 24 * 60 * 60 });
/** https://grpc.io/docs/guides/status-codes/ */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/**
 * Makes the namespace that a dev server has from the start, and asks each service of the server for something in it:
 * they come up, and learn of a new namespace, one after another. Throws until all of it works.
 */
export async function askDefaultNamespace(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  const { workflowService } = connection;
  try {
    await workflowService
      .registerNamespace({
        namespace: NAMESPACE,
        workflowExecutionRetentionPeriod: RETENTION,
      })
      .catch(exceptStatus(ALREADY_EXISTS));
    // Visibility, then matching, then history.
    await workflowService.countWorkflowExecutions({ namespace: NAMESPACE });
    await workflowService.describeTaskQueue({ namespace: NAMESPACE, taskQueue: { name: 'none' } });
    await workflowService
      .describeWorkflowExecution({ namespace: NAMESPACE, execution: { workflowId: 'none' } })
      .catch(exceptStatus(NOT_FOUND));
  } finally {
    await connection.close();
  }
}

function exceptStatus(status: number): (error: unknown) => void {
  return (error) => {
    if (grpcStatusOf(error) !== status) {
      throw error;
    }
  };
}

function grpcStatusOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}

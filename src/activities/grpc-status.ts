import { isGrpcServiceError } from '@temporalio/client';

/**
 * The status code of what Temporal answered, https://grpc.io/docs/guides/status-codes/; undefined where it was no answer.
 * The SDK's workflow client wraps it in an error of its own.
 */
export function grpcStatusOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) {
    return error.code;
  }
  return error instanceof Error && error.cause !== undefined
    ? grpcStatusOf(error.cause)
    : undefined;
}

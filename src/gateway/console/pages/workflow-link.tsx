/** Where runs can be looked at. */
export interface TemporalUi {
  readonly namespace: string;
  /** undefined where nobody said. */
  readonly url: string | undefined;
}

/** A link into the Temporal Web UI, to the newest run of a workflow; without an address the id, to be copied. */
export function WorkflowLink({
  ui: { namespace, url },
  workflowId,
}: {
  readonly ui: TemporalUi;
  readonly workflowId: string;
}) {
  if (url === undefined) {
    return <code>{workflowId}</code>;
  }
  const path = `/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  return (
    <a href={`${url}${path}`} rel="noreferrer">
      {workflowId} in the Temporal Web UI
    </a>
  );
}

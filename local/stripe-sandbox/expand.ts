import { EXPANDABLE, type Expandable, type ExpandableProperty } from './expandable';
import type { RawValue } from './form-body';
import type { JsonObject } from './json-object';
import { textsIn } from './params';
import type { Execution } from './state';
import { invalidRequest } from './stripe-errors';

const MAX_LEVELS = 4;

/** What is to be expanded: `destination` and `reversals.data` as `{destination: {}, reversals: {data: {}}}`. */
interface Branches {
  [property: string]: Branches;
}

type Expand = (execution: Execution, body: JsonObject) => JsonObject;

/**
 * Reads `expand` (docs.stripe.com/api/expanding_objects) of a request whose answer is of the given
 * kind. Throws for what cannot be expanded; the function it returns expands.
 */
export function readExpand(raw: RawValue | undefined, kind: Expandable): Expand {
  const branches: Branches = {};
  for (const path of readPaths(raw)) {
    check(kind, path);
    let branch = branches;
    for (const name of path.split('.')) {
      branch = branch[name] ??= {};
    }
  }
  return (execution, body) => expandBranches(execution, body, { kind, branches });
}

function readPaths(raw: RawValue | undefined): string[] {
  if (typeof raw === 'string') {
    throw invalidRequest('Invalid array', { param: 'expand' });
  }
  return raw === undefined ? [] : textsIn(raw);
}

function check(kind: Expandable, path: string): void {
  if (path.split('.').length > MAX_LEVELS) {
    throw invalidRequest(
      `You cannot expand more than ${MAX_LEVELS} levels of a property. Property: ${path}`,
      { code: 'property_expansion_max_depth' },
    );
  }
  if (!isExpandable(kind, path)) {
    const inList = isExpandable(kind, `data.${path}`);
    const hint = inList ? ` You may want to try expanding 'data.${path}' instead.` : '';
    throw invalidRequest(`This property cannot be expanded (${path}).${hint}`);
  }
}

function isExpandable(kind: Expandable, path: string): boolean {
  let last: ExpandableProperty | undefined;
  let current: Expandable = kind;
  for (const name of path.split('.')) {
    const properties = EXPANDABLE[current];
    last = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (last === undefined) {
      return false;
    }
    current = last.kind;
  }
  // `data` is a way to the objects of a list and nothing in itself.
  return last?.only !== 'as a way';
}

function expandBranches(
  execution: Execution,
  body: JsonObject,
  { kind, branches }: { kind: Expandable; branches: Branches },
): JsonObject {
  const expanded: Record<string, unknown> = { ...body };
  for (const [name, below] of Object.entries(branches)) {
    const property = EXPANDABLE[kind][name];
    if (property !== undefined) {
      const next = { kind: property.kind, branches: below };
      const value = property.load(execution, body);
      expanded[name] = Array.isArray(value)
        ? value.map((item) => expandBranches(execution, item, next))
        : value && expandBranches(execution, value, next);
    }
  }
  return expanded;
}

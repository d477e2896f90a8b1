import type { JsonObject } from './json-object';

/**
 * What `data.previous_attributes` of an `*.updated` event says: the changed properties with their
 * old values, of objects only the changed part, of arrays the whole. Null when nothing changed.
 */
export function previousAttributes(before: JsonObject, after: JsonObject): JsonObject | null {
  const changed: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, current] = [before[name], after[name]];
    if (isObject(old) && isObject(current)) {
      const part = previousAttributes(old, current);
      if (part !== null) {
        changed[name] = part;
      }
    } else if (JSON.stringify(old) !== JSON.stringify(current)) {
      changed[name] = old ?? null;
    }
  }
  return Object.keys(changed).length === 0 ? null : changed;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

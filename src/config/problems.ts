import type { $ZodIssue } from 'zod/v4/core';
import { FIELD_TABLES, type Field } from './schema.ts';

/** Says each problem that the schema found as "<path> …: what was found; what is allowed". Never empty. */
export function describeProblems(issues: readonly $ZodIssue[], value: unknown): readonly string[] {
  return issues.flatMap((issue) => describe(issue, value));
}

function describe(issue: $ZodIssue, root: unknown): readonly string[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const allowed = Object.keys(FIELD_TABLES[keysOf(path).join('.')] ?? {}).join(', ');
    return issue.keys.map((key) => `${formatPath([...path, key])}: unknown key; allowed are ${allowed}`);
  }
  const found = at(root, path);
  const allowed = allowedAt(path);
  const where = formatPath(path);
  if (found === undefined) return [`${where} is required; allowed is ${allowed}`];
  return [`${where} is ${shorten(found)}; allowed ${allowed.includes(', ') ? 'are' : 'is'} ${allowed}`];
}

type Path = readonly (string | number)[];
const keysOf = (path: Path): readonly string[] => path.filter((part) => typeof part === 'string');

/** What may stand at this path, for the message. */
function allowedAt(path: Path): string {
  const keys = keysOf(path);
  const name = keys.at(-1);
  if (typeof path.at(-1) === 'number') return mapOf(keys) ?? 'text';
  if (name === undefined) return 'a map';
  const field = fieldAt(keys);
  // Below `options` the keys are the driver's own, below `segments` the cluster's.
  return field?.allowed ?? fieldAt(keys.slice(0, -1))?.values ?? 'something else';
}

const fieldAt = (keys: readonly string[]): Field | undefined => FIELD_TABLES[keys.slice(0, -1).join('.')]?.[keys.at(-1) ?? ''];

/** An entry of a list of maps. */
function mapOf(keys: readonly string[]): string | undefined {
  const table = FIELD_TABLES[keys.join('.')];
  return table === undefined ? undefined : `a map with the keys ${Object.keys(table).slice(0, 3).join(', ')}, …`;
}

function at(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
  return value;
}

/** `pools[1].options["a b"]` */
export function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w.-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part.slice(0, 64))}]`;
  }
  return text === '' ? 'the file' : text;
}

function shorten(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 77)}…` : json;
}

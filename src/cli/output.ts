import Table from 'cli-table3';
import { printable } from './units.ts';

/** Where a verb says its answer. Tables and lines are for people; with --json one JSON value is for scripts. */
export interface Output {
  readonly json: boolean;
  /** True if someone watches stderr: progress bars make sense. */
  readonly interactive: boolean;
  /** The answer, for scripts as the value, else as `forPeople` prints it. */
  answer(value: JsonValue, forPeople: (out: Lines) => void): void;
  /** News while a verb runs, on stderr; not with --json. */
  note(line: string): void;
}
export interface Lines {
  line(text: string): void;
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
  /** `key  value` rows; empty values are left out. */
  facts(rows: readonly (readonly [string, string])[]): void;
}

/** bigint stands for an exact integer: JSON numbers have no size limit, only some readers do. */
export type JsonValue = string | number | bigint | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export function createOutput(options: { readonly json: boolean }): Output {
  const write = (text: string): void => void process.stdout.write(`${text}\n`);
  return {
    json: options.json,
    interactive: !options.json && process.stderr.isTTY === true,
    answer: (value, forPeople) => {
      if (options.json) write(toJson(value));
      else forPeople({ line: write, table: (head, rows) => write(renderTable(head, rows)), facts: (rows) => write(renderFacts(rows)) });
    },
    note: (line) => void (options.json || process.stderr.write(`${line}\n`)),
  };
}

export function toJson(value: JsonValue): string {
  // JSON.rawJSON is in V8 since 11.4 (Node 21); the types of the language version do not have it yet.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? rawJSON(inner.toString()) : inner), 2);
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    chars: NO_BORDERS,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(row.map(printable));
  return table.toString().replaceAll(/ +$/gm, '');
}

function renderFacts(rows: readonly (readonly [string, string])[]): string {
  const shown = rows.filter(([, value]) => value !== '');
  const width = Math.max(0, ...shown.map(([key]) => key.length));
  return shown.map(([key, value]) => `${key.padEnd(width)}  ${printable(value)}`).join('\n');
}

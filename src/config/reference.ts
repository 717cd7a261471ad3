import type { Field } from './schema.ts';
import { FIELD_TABLES, LIST_TABLES } from './schema.ts';

/** The config file's keys as a Markdown table, for docs/parameters.md. */
export function configReference(): string {
  const rows = Object.entries(FIELD_TABLES).flatMap(([path, fields]) => {
    const prefix = path === '' ? '' : `${path}${LIST_TABLES.has(path) ? '[]' : ''}.`;
    return Object.entries(fields).map(([key, field]) => row(prefix + key, field));
  });
  return ['| key | allowed | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function row(key: string, field: Field): string {
  const cells = [`\`${key}\``, field.allowed, field.default === '' ? '' : `\`${field.default}\``, field.description];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

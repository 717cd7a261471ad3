import type { Field } from './schema.ts';
import { HTTP_FIELDS, LOG_FIELDS, POOL_FIELDS, ROOT_FIELDS } from './schema.ts';

/** The config file's keys as a Markdown table, for docs/parameters.md. */
export function configReference(): string {
  const sections: readonly (readonly [string, Readonly<Record<string, Field>>])[] = [
    ['', ROOT_FIELDS],
    ['http.', HTTP_FIELDS],
    ['log.', LOG_FIELDS],
    ['pools[].', POOL_FIELDS],
  ];
  const rows = sections.flatMap(([prefix, fields]) => Object.entries(fields).map(([key, field]) => row(prefix + key, field)));
  return ['| key | allowed | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function row(key: string, field: Field): string {
  const cells = [`\`${key}\``, field.allowed, field.default === '' ? '' : `\`${field.default}\``, field.description];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

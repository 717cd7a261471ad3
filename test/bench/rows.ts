/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly budget: string;
  /** Undefined: measured without a budget, or not measured here (why is in `measured`). */
  readonly met?: boolean;
}

export function ratioRow(
  what: string,
  one: number,
  other: number,
  budget: { readonly text: string; readonly max?: number; readonly min?: number },
  detail: string,
): Row {
  const ratio = one / other;
  const met = ratio <= (budget.max ?? Number.POSITIVE_INFINITY) && ratio >= (budget.min ?? 0);
  return { what, measured: `${ratio.toFixed(2)} × (${detail})`, budget: budget.text, met };
}

export function valueRow(what: string, value: number, unit: string, max: number): Row {
  return { what, measured: `${value.toFixed(0)} ${unit}`, budget: `≤ ${max} ${unit}`, met: value <= max };
}

export function toMarkdown(rows: readonly Row[]): string {
  const verdict = ({ met }: Row): string => (met === undefined ? '' : met ? 'met' : '**missed**');
  const lines = rows.map((row) => `| ${row.what} | ${row.measured} | ${row.budget} | ${verdict(row)} |`);
  return ['| what | measured | budget | |', '|---|---|---|---|', ...lines].join('\n');
}

export const ms = (value: number): string => (value < 10 ? `${value.toFixed(2)} ms` : `${value.toFixed(0)} ms`);

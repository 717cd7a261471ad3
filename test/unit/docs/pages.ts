import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../../..');

export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** Every Markdown page of the repository. */
export function allPages(): readonly Page[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const below = ['docs', 'src', 'test', 'charts', 'deploy'].flatMap((folder) => filesBelow(folder).filter((path) => path.endsWith('.md')));
  return [...top, ...below].map(readPage);
}

export const readPage = (path: string): Page => ({ path, text: readFileSync(join(ROOT, path), 'utf8') });

/** Paths of all files below a folder, from the repository's root; none for a folder that is not there. */
export function filesBelow(folder: string): readonly string[] {
  try {
    const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
  } catch {
    return []; // not there
  }
}

/** Our sources without what is generated. */
export const sourceFiles = (): readonly Page[] =>
  filesBelow('src')
    .filter((path) => path.endsWith('.ts') && !path.includes('/gen/'))
    .map(readPage);

/** The text without fenced code, in which nothing is a heading or link. */
export const prose = (text: string): string => text.replaceAll(/^```[\s\S]*?^```$/gm, '');

/** Anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const heading of headingsOf(text)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

export const headingsOf = (text: string): readonly string[] =>
  [...prose(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading.trim());

/** Cells of the tables below one heading, row by row, without head and rule. */
export function tableRows(text: string): readonly (readonly string[])[] {
  const lines = prose(text).split('\n');
  return lines.flatMap((line, index) => {
    const isBody = line.startsWith('|') && !/^\|[-|]+\|$/.test(line) && !/^\|[-|]+\|$/.test(lines[index + 1] ?? '');
    return isBody ? [cellsOf(line)] : [];
  });
}

const cellsOf = (line: string): readonly string[] =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));

/** The part of a page from this heading to the next one of the same or a higher rank. */
export function sectionOf(text: string, heading: string): string {
  const start = new RegExp(`^(#+) ${heading.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`, 'm').exec(text);
  if (start === null) return '';
  const rest = text.slice(start.index + start[0].length);
  const end = new RegExp(`^#{1,${start[1]?.length ?? 1}} `, 'm').exec(rest);
  return end === null ? rest : rest.slice(0, end.index);
}

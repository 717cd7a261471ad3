/**
 * Fills the generated parts of the documentation: in README.md and docs/*.md, what stands between `<!-- generated:NAME -->`
 * and `<!-- end:NAME -->`. Run by `npm run generate`, or alone. A test fails when a page is not what this script makes.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TABLES } from './docs-tables.ts';

/** Every page with a generated part, by its path from `root`, as it has to be. Throws for a mark that is not known or not closed. */
export async function generateDocs(root: string): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  for (const path of await pagePaths(root)) {
    const text = await readFile(join(root, path), 'utf8');
    if (text.includes('<!-- generated:')) pages.set(path, await filled(path, text));
  }
  return pages;
}

/** Writes what differs; returns the paths written. */
export async function writeDocs(root: string): Promise<readonly string[]> {
  const written: string[] = [];
  for (const [path, text] of await generateDocs(root)) {
    if ((await readFile(join(root, path), 'utf8')) === text) continue;
    await writeFile(join(root, path), text);
    written.push(path);
  }
  return written;
}

/** Names of the marks that a page has. */
export const marksIn = (text: string): readonly string[] => [...text.matchAll(OPEN)].map(([, name = '']) => name);

const OPEN = /^<!-- generated:([\w-]+) -->$/gm;

async function pagePaths(root: string): Promise<readonly string[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).sort();
  return ['README.md', ...docs.map((name) => `docs/${name}`)];
}

async function filled(path: string, text: string): Promise<string> {
  let result = text;
  for (const name of marksIn(text)) {
    const make = Object.hasOwn(TABLES, name) ? TABLES[name] : undefined;
    if (make === undefined) throw new Error(`${path}: no generated part is called ${name}; there are ${Object.keys(TABLES).join(', ')}`);
    const part = new RegExp(`(<!-- generated:${name} -->\n)[\\s\\S]*?(<!-- end:${name} -->)`);
    if (!part.test(result)) throw new Error(`${path}: <!-- generated:${name} --> is not closed by <!-- end:${name} -->`);
    const made = await make();
    result = result.replace(part, (_, open: string, close: string) => `${open}\n${made}\n\n${close}`);
  }
  return result;
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const written = await writeDocs(root);
  process.stdout.write(written.length === 0 ? 'documentation is up to date\n' : `written: ${written.join(', ')}\n`);
}

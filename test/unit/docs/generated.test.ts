import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { generateDocs, marksIn } from '../../../scripts/docs.ts';
import { TABLES } from '../../../scripts/docs-tables.ts';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import { parseConfigFile } from '../../../src/config/file.ts';
import { poolsOfFile } from '../../../src/config/pools.ts';
import { FIELD_TABLES, LIST_TABLES } from '../../../src/config/schema.ts';
import { DEFAULT_DRIVER_NAME, PARAMETER } from '../../../src/convoy/names.ts';
import { OPTION } from '../../../src/convoy/options.ts';
import { METRICS } from '../../../src/observe/metric-catalogue.ts';
import { headingsOf, ROOT, readPage, sectionOf, tableRows } from './pages.ts';

describe('generated parts of the documentation', () => {
  it('are what npm run generate makes', async () => {
    const stale: string[] = [];
    for (const [path, text] of await generateDocs(ROOT)) if (readFileSync(join(ROOT, path), 'utf8') !== text) stale.push(path);
    assert.deepEqual(stale, [], 'run: npm run generate');
  });

  it('are each in some page', async () => {
    const used = new Set([...(await generateDocs(ROOT)).values()].flatMap((text) => marksIn(text)));
    assert.deepEqual(
      Object.keys(TABLES).filter((name) => !used.has(name)),
      [],
    );
  });
});

describe('the documentation', () => {
  it('has an entry in troubleshooting for every error code, and none for others', () => {
    const messages = sectionOf(readPage('docs/troubleshooting.md').text, 'Messages');
    const documented = [...messages.matchAll(/^### (\S+)$/gm)].map(([, code = '']) => code);
    assert.deepEqual(documented.sort(), Object.keys(EXIT_CODES).sort());
  });

  it('lists every metric, and no other', () => {
    const rows = tableRows(readPage('docs/metrics.md').text).map(([name = '']) => name);
    const listed = rows.flatMap((cell) => /^`(\w+)`$/.exec(cell)?.[1] ?? []);
    assert.deepEqual(listed, Object.keys(METRICS));
  });

  it('names only metrics that exist in its alerts', () => {
    const named = [...readPage('docs/metrics.md').text.matchAll(/\bconvoy_\w+/g)].map(([name]) => name);
    assert.deepEqual(
      [...new Set(named)].filter((name) => !Object.hasOwn(METRICS, name)),
      [],
    );
  });

  it('has a row for every parameter and key', () => {
    const { text } = readPage('docs/parameters.md');
    const keys = [
      ...Object.keys(PARAMETER),
      ...Object.keys(OPTION),
      ...Object.entries(FIELD_TABLES).flatMap(([path, fields]) =>
        Object.keys(fields).map((key) => `${path === '' ? '' : `${path}${LIST_TABLES.has(path) ? '[]' : ''}.`}${key}`),
      ),
    ];
    assert.deepEqual(
      keys.filter((key) => !text.includes(`| \`${key}\` |`)),
      [],
    );
  });

  it('has an example of a config file that is right', () => {
    const yaml = /<!-- test:config -->\n```yaml\n([\s\S]*?)```/.exec(readPage('docs/operations.md').text)?.[1] ?? '';
    const pools = poolsOfFile(parseConfigFile('example', yaml).pools ?? [], DEFAULT_DRIVER_NAME);
    assert.deepEqual(
      pools.map(({ name, driver }) => `${name} ${driver}`),
      ['fast loop', 'shared vfs'],
    );
  });

  it('has the layers that the linter enforces', () => {
    const rows = tableRows(sectionOf(readPage('docs/architecture.md').text, 'Layers'));
    const documented = rows.map(([folder = '', , imports = '']) => `${folder.replaceAll('`', '')} may import ${sorted(imports)}`);
    const enforced = [...readFileSync(join(ROOT, 'biome.json'), 'utf8').matchAll(/"(src\/\S+) may import ([^"]*?) only \(docs/g)].map(
      ([, folder = '', imports = '']) => `${folder} may import ${sorted(imports)}`,
    );
    assert.deepEqual(documented.sort(), enforced.sort());
  });

  it('keeps the first screen of the README short', () => {
    const { text } = readPage('README.md');
    const [first = ''] = text.split('## Five minutes on a cluster');
    assert.ok(first.split('\n').length <= 60, `${first.split('\n').length} lines`);
    assert.ok(headingsOf(text).includes('State of things'));
  });
});

const sorted = (list: string): string =>
  list
    .split(/, | and /)
    .sort()
    .join(', ');

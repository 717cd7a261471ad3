import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesBelow, prose, readPage, sectionOf, sourceFiles, tableRows } from './pages.ts';

/** Pages that quote messages as block quotations, and at least how many. */
const QUOTING = [
  ['docs/limitations.md', 25],
  ['docs/install.md', 1],
  ['docs/nodes.md', 1],
  ['docs/topology.md', 3],
] as const;

/** Fragments that say too little to be looked for. */
const LEAST = 8;

describe('error messages quoted in the documentation', () => {
  const source = [...sourceFiles(), ...filesBelow('charts').map(readPage)].map(({ text }) => text.replaceAll("\\'", "'")).join('\n');

  it('are in the code: troubleshooting', () => {
    const rows = tableRows(sectionOf(readPage('docs/troubleshooting.md').text, 'Messages'));
    const quoted = rows.map(([message = '']) => message.replace(/^`(.*)`.*$/, '$1'));
    assert.ok(quoted.length > 80);
    assert.deepEqual(missing(source, quoted), []);
  });

  it('are in the code: troubleshooting, from the event that a user sees', () => {
    const rows = tableRows(sectionOf(readPage('docs/troubleshooting.md').text, 'In Kubernetes'));
    // What is in quotation marks is of Kubernetes.
    const quoted = rows
      .map(([message = '']) => message)
      .flatMap((cell) => (cell.startsWith('`') ? [cell.replace(/^`(.*)`.*$/, '$1')] : []));
    assert.ok(quoted.length > 60);
    assert.deepEqual(missing(source, quoted), []);
  });

  for (const [page, least] of QUOTING)
    it(`are in the code: ${page}`, () => {
      const quoted = [...prose(readPage(page).text).matchAll(/^> (.+)$/gm)].map(([, message = '']) => message);
      assert.ok(quoted.length >= least, `${quoted.length} quotations`);
      assert.deepEqual(missing(source, quoted), []);
    });
});

/** `…` in a quotation stands for what differs from case to case. */
function missing(source: string, quoted: readonly string[]): readonly string[] {
  return quoted.flatMap((message) =>
    message
      .split('…')
      .map((fragment) => fragment.trim())
      .filter((fragment) => fragment.length >= LEAST && !source.includes(fragment))
      .map((fragment) => `${message}: "${fragment}"`),
  );
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPage, sectionOf, sourceFiles, tableRows } from './pages.ts';

/** Fragments that say too little to be looked for. */
const LEAST = 8;

describe('error messages quoted in the documentation', () => {
  const source = sourceFiles()
    .map(({ text }) => text.replaceAll("\\'", "'"))
    .join('\n');

  it('are in the code: troubleshooting', () => {
    const rows = tableRows(sectionOf(readPage('docs/troubleshooting.md').text, 'Messages'));
    const quoted = rows.map(([message = '']) => message.replace(/^`(.*)`.*$/, '$1'));
    assert.ok(quoted.length > 80);
    assert.deepEqual(missing(source, quoted), []);
  });

  it('are in the code: limitations', () => {
    const quoted = [...readPage('docs/limitations.md').text.matchAll(/^> (.+)$/gm)].map(([, message = '']) => message);
    assert.ok(quoted.length > 15);
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

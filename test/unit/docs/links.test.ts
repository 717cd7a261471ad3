import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { allPages, anchorsOf, filesBelow, headingsOf, prose, ROOT, readPage } from './pages.ts';

describe('links of the documentation', () => {
  const pages = allPages();

  it('lead to files and headings that are there', () => {
    const broken = pages.flatMap(({ path, text }) =>
      linksOf(text)
        .filter((target) => !resolves(path, target))
        .map((target) => `${path}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('in comments and error texts of the code lead to pages and headings that are there', () => {
    const files = [...filesBelow('src'), ...filesBelow('scripts'), ...filesBelow('test'), 'biome.json'];
    const broken = files
      .filter((path) => /\.(ts|json|proto)$/.test(path) && !path.includes('/gen/') && !path.startsWith('test/unit/docs/'))
      .flatMap((path) =>
        mentionsOf(readFileSync(join(ROOT, path), 'utf8')).flatMap(({ page, heading }) =>
          isThere(page, heading) ? [] : [`${path}: ${page} ${heading ?? ''}`],
        ),
      );
    assert.deepEqual(broken, []);
  });
});

describe('commands of the documentation', () => {
  it('are npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = allPages().flatMap(({ text }) => [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name));
    assert.deepEqual(
      [...new Set(named)].filter((name) => !Object.hasOwn(scripts, name)),
      [],
    );
  });

  it('are verbs of convoy that exist', () => {
    const known = new Set(headingsOf(readPage('docs/cli.md').text).filter((heading) => heading.startsWith('convoy ')));
    const named = allPages().flatMap(({ text }) =>
      [...text.matchAll(/convoy (node|pools|volumes|snapshots) ([a-z]+)/g)].map(([verb]) => verb),
    );
    assert.deepEqual(
      [...new Set(named)].filter((verb) => !known.has(verb)),
      [],
    );
  });
});

/** Targets of the Markdown links that stay in the repository. */
function linksOf(text: string): readonly string[] {
  const targets = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function resolves(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : relative(ROOT, join(ROOT, dirname(from), decodeURIComponent(file)));
  if (!existsSync(join(ROOT, path))) return false;
  return anchor === undefined || anchorsOf(readPage(path).text).has(anchor);
}

/** `docs/page.md` and `docs/page.md, "Heading"`. */
function mentionsOf(source: string): readonly { readonly page: string; readonly heading: string | undefined }[] {
  return [...source.matchAll(/\b(docs\/[\w-]+\.md)(?:, \\?"([^"\\]+)\\?")?/g)].map(([, page = '', heading]) => ({ page, heading }));
}

function isThere(page: string, heading: string | undefined): boolean {
  if (!existsSync(join(ROOT, page))) return false;
  return heading === undefined || headingsOf(readPage(page).text).some((found) => found.toLowerCase() === heading.toLowerCase());
}

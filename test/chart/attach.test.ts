import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CHART, findHelm, runHelm } from '../../scripts/lib/helm.ts';
import { documents, find, type Json, NO_HELM, render } from './render.ts';

const LOOP = '{name: a, driver: loop, options: {loop.path: /srv/a}}';
const VFS = '{name: b, driver: vfs, options: {vfs.path: /srv/b}}';
const DRIVER = 'CSIDriver/csi.convoy-csi.org';

/** No driver of ours attaches. So the chart is tried as it will be when one does: by a copy whose list has `loop`. */
describe('attachRequired', { skip: NO_HELM }, () => {
  let chart = '';
  before(() => {
    chart = mkdtempSync(join(tmpdir(), 'convoy-chart-'));
    cpSync(CHART, chart, { recursive: true });
    const list = join(chart, 'templates/_attach.tpl');
    const text = readFileSync(list, 'utf8');
    assert.match(text, /^drivers: \[\]$/m);
    writeFileSync(list, text.replace(/^drivers: \[\]$/m, 'drivers: [loop]'));
  });
  after(() => rmSync(chart, { recursive: true }));

  const patched = (values: string): Json | undefined =>
    find(documents(runHelm(findHelm() ?? '', ['template', 'x', chart, '--values', '-'], values)), DRIVER).at('spec', 'attachRequired');

  it('is false: no driver attaches', () => {
    for (const values of ['', `pools: [${LOOP}, ${VFS}]\ndefaultPool: a`])
      assert.equal(find(render({ values }), DRIVER).at('spec', 'attachRequired'), false);
  });

  it('follows the drivers of the pools, whichever group has them', () => {
    assert.equal(patched(`pools: [${LOOP}]`), true);
    assert.equal(patched(`pools: [${VFS}]`), false);
    assert.equal(patched(`nodeGroups: [{name: g, pools: [${LOOP}]}]`), true);
  });

  it('is refused for pools of both kinds', () => {
    const says =
      /pools a are of drivers that attach volumes to nodes, pools b are not: attachRequired of CSIDriver csi\.convoy-csi\.org is one for all/;
    assert.throws(() => patched(`pools: [${LOOP}, ${VFS}]\ndefaultPool: a`), says);
    assert.throws(() => patched(`nodeGroups: [{name: g, pools: [${LOOP}]}, {name: h, pools: [${VFS}]}]\ndefaultPool: a`), says);
  });
});

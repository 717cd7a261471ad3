import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { describeError } from '../../../src/observe/log.ts';

const module = new URL('../../../src/observe/log.ts', import.meta.url).href;
const run = (code: string): string =>
  execFileSync(process.execPath, ['--input-type=module', '-e', `import {createLog} from ${JSON.stringify(module)}; ${code}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

describe('the log', () => {
  it('is JSON lines on stdout, written before the process dies', () => {
    const [line] = run("createLog({level: 'info', to: 'stdout'}).child({pool: 'a'}).info({volume_id: 'v'}, 'made'); process.exit(0)").split(
      '\n',
    );
    const { time, ...entry } = JSON.parse(line ?? '');
    assert.match(time, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.deepEqual(entry, { level: 'info', pool: 'a', volume_id: 'v', message: 'made' });
  });

  it('leaves stdout to the answer when it goes to stderr', () => {
    assert.equal(run("createLog({level: 'info', to: 'stderr'}).info({}, 'made')"), '');
  });

  it('keeps below its level silent', () => {
    assert.equal(run("createLog({level: 'warn', to: 'stdout'}).info({}, 'made')"), '');
  });

  it('describes an error with its causes, the stack once', () => {
    const cause = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
    const described = describeError(new ConvoyError('NotFound', 'no volume', { cause })) as Record<string, unknown>;
    assert.equal(described['code'], 'NotFound');
    assert.equal(typeof described['stack'], 'string');
    assert.deepEqual(described['cause'], { name: 'Error', message: 'ENOENT: no such file', code: 'ENOENT' });
  });
});

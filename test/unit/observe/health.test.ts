import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import type { HealthServer } from '../../../src/observe/health.ts';
import { serveHealth } from '../../../src/observe/health.ts';

const open: HealthServer[] = [];
after(() => Promise.all(open.map((server) => server.close())));

async function serve(reasons: { alive?: string[]; ready?: string[] }): Promise<string> {
  const server = await serveHealth(
    { host: '127.0.0.1', port: 0 },
    {
      alive: async () => reasons.alive ?? [],
      ready: async () => reasons.ready ?? [],
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'a 1\n' }),
    },
  );
  open.push(server);
  return `http://${server.address}`;
}

describe('the HTTP server', () => {
  it('answers ok when all is well', async () => {
    const url = await serve({});
    for (const path of ['/healthz', '/readyz', '/readyz?verbose']) {
      const response = await fetch(url + path);
      assert.deepEqual([response.status, await response.text()], [200, 'ok\n'], path);
    }
  });

  it('answers 503 with the reasons when a pool is not open, and stays alive', async () => {
    const url = await serve({ ready: ['pool "a" is unavailable: /srv is not mounted', 'pool "b" is unavailable'] });
    const response = await fetch(`${url}/readyz`);
    assert.equal(response.status, 503);
    assert.equal(await response.text(), 'pool "a" is unavailable: /srv is not mounted\npool "b" is unavailable\n');
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  it('serves the metrics with their content type', async () => {
    const response = await fetch(`${await serve({})}/metrics`);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4');
    assert.equal(await response.text(), 'a 1\n');
  });

  it('refuses other methods and paths', async () => {
    const url = await serve({});
    assert.equal((await fetch(`${url}/healthz`, { method: 'POST' })).status, 405);
    assert.equal((await fetch(`${url}/healthz`, { method: 'HEAD' })).status, 200);
    assert.equal((await fetch(`${url}/`)).status, 404);
  });

  it('answers 503 when a source throws', async () => {
    const server = await serveHealth(
      { host: '127.0.0.1', port: 0 },
      {
        alive: () => Promise.reject(new Error('the worker is gone')),
        ready: async () => [],
        metrics: () => Promise.reject(new Error('no')),
      },
    );
    open.push(server);
    const response = await fetch(`http://${server.address}/healthz`);
    assert.deepEqual([response.status, await response.text()], [503, 'the worker is gone\n']);
  });

  it('fails to start on a port in use', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const address = blocker.address();
    assert.ok(address !== null && typeof address === 'object');
    const sources = { alive: async () => [], ready: async () => [], metrics: async () => ({ contentType: '', body: '' }) };
    await assert.rejects(serveHealth({ host: '127.0.0.1', port: address.port }, sources), { code: 'EADDRINUSE' });
    await new Promise((resolve) => blocker.close(resolve));
  });
});

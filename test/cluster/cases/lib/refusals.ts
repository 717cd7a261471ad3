import assert from 'node:assert/strict';
import type { Refusal } from '../../../../src/channel/api.ts';
import { KUBERNETES_NAMESPACE } from '../../rig/paths.ts';
import type { Api } from './api.ts';
import { http, sample } from './driver.ts';
import type { Space } from './space.ts';

/** A line of the log of a daemon about something that it refused. */
export interface RefusalLine {
  readonly level: string;
  readonly refusal?: Refusal;
  readonly peer?: string;
  readonly node?: string;
  readonly method?: string;
  readonly message: string;
}

export async function refusalCount(api: Api, pod: string, reason: Refusal): Promise<number> {
  return sample(await http(api, pod, '/metrics'), 'convoy_agent_refusals_total', { reason });
}

/** What `attack` does is counted and logged by this pod of the driver, for this reason. The log line. */
export async function isRefused(
  space: Space,
  {
    pod,
    reason,
    peer,
    attack,
  }: { readonly pod: string; readonly reason: Refusal; readonly peer: string; readonly attack: () => Promise<unknown> },
): Promise<RefusalLine> {
  const { api } = space;
  const before = await refusalCount(api, pod, reason);
  await attack();
  await space.until(`${pod} to count a refusal for ${reason}`, async () => assert.ok((await refusalCount(api, pod, reason)) > before));
  // One line a minute for a reason and a peer: in a second run it may be that of the first.
  return await space.until(`${pod} to log a refusal of ${peer} for ${reason}`, async () => {
    const lines = await refusalLines(api, pod);
    const line = lines.find((each) => each.refusal === reason && each.peer === peer);
    assert.ok(line, JSON.stringify(lines.slice(-5)));
    assert.equal(line.level, 'warn');
    return line;
  });
}

export async function logOf(api: Api, pod: string): Promise<string> {
  return await api.text(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${pod}/log?container=convoy`);
}

async function refusalLines(api: Api, pod: string): Promise<readonly RefusalLine[]> {
  return (await logOf(api, pod))
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as RefusalLine)
    .filter(({ refusal }) => refusal !== undefined);
}

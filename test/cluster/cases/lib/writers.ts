import assert from 'node:assert/strict';
import type { Space } from './space.ts';
import { restartsOf, scriptPod } from './visitors.ts';

/** A pod that appends a number to each of its claims again and again, each time to the disk, and ends at the first error. */
export interface WriterPod {
  readonly name: string;
  readonly node: string;
  /** By name: the claim, and the class that it is of. */
  readonly claims: Readonly<Record<string, string>>;
}

const mountOf = (claim: string): string => `/data/${claim}`;

export async function startWriters(space: Space, pods: readonly WriterPod[]): Promise<void> {
  for (const { name, node, claims } of pods) {
    const names = Object.keys(claims);
    for (const [claim, storageClass] of Object.entries(claims)) await space.claim(claim, { storageClass });
    const files = names.map((claim) => `${mountOf(claim)}/numbers`).join(' ');
    const script = `set -e; n=0; trap 'exit 0' TERM
      while :; do n=$((n+1)); for f in ${files}; do echo $n >>$f; done; sync ${files}; sleep 0.5; done`;
    const mounts = Object.fromEntries(names.map((claim) => [mountOf(claim), claim]));
    const spec = { ...scriptPod(mounts, node, script), restartPolicy: 'Never' };
    await space.api.create(space.path('pods'), { metadata: { name }, spec });
  }
  await space.ready(...pods.map(({ name }) => name));
}

const AT_ONCE = 8;

/** What each claim has by now, with not one number missing or twice. The number of the last one, by claim. */
export async function progress(space: Space, pods: readonly WriterPod[]): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>();
  const waiting = [...pods];
  const read = async (): Promise<void> => {
    for (let pod = waiting.shift(); pod !== undefined; pod = waiting.shift()) {
      const claims = Object.keys(pod.claims);
      const files = claims.map((claim) => `${mountOf(claim)}/numbers`).join(' ');
      const said = await space.exec(pod.name, `for f in ${files}; do awk '$1 != NR { bad = 1 } END { print NR, bad + 0 }' $f; done`);
      for (const [index, line] of said.trim().split('\n').entries()) {
        const [count, bad] = line.split(' ');
        assert.equal(bad, '0', `numbers are missing in ${claims[index]}`);
        last.set(claims[index] ?? '', Number(count));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, read));
  assert.equal(last.size, pods.flatMap(({ claims }) => Object.keys(claims)).length);
  return last;
}

/** Still the same containers, and every claim has more than it had. */
export async function stillWriting(space: Space, pods: readonly WriterPod[], before: ReadonlyMap<string, number>): Promise<void> {
  await space.until('every writer to have written more', async () => {
    const now = await progress(space, pods);
    for (const [claim, count] of before) assert.ok((now.get(claim) ?? 0) > count, `${claim} stands at ${count}`);
  });
  for (const { name } of pods) {
    assert.equal((await space.getPod(name)).status?.phase, 'Running', name);
    assert.equal(await restartsOf(space, name), 0, name);
  }
}

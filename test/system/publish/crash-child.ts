import { call, openScratch } from './scratch-pool.ts';

/** One call in a process of its own, which CONVOY_KILL_AT ends at a named step. */
const [dir = '', verb = '', text = '{}'] = process.argv.slice(2);
const scratch = await openScratch(dir);
const input = JSON.parse(text);
if (verb === 'stage') await scratch.node.stage(input, call());
else if (verb === 'publish') await scratch.node.publish(input, call());
else if (verb === 'unpublish') await scratch.node.unpublish(input.volumeId, input.targetPath, call());
else if (verb === 'unstage') await scratch.node.unstage(input.volumeId, input.stagingPath, call());
else throw new Error(`no verb ${verb}`);
await scratch.system.close();

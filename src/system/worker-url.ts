/** Where a worker's entry is: beside this file as TypeScript, or beside the bundle as its own entry `<name>.mjs`. */
export function workerUrl(name: 'syscall-worker' | 'tree-worker'): URL {
  return new URL(import.meta.url.endsWith('.ts') ? `./${name}.ts` : `./${name}.mjs`, import.meta.url);
}

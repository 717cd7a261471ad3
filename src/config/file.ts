import { load } from 'js-yaml';
import { invalid } from '../convoy/errors.ts';
import { describeProblems } from './problems.ts';
import type { ConfigFile } from './schema.ts';
import { configSchema } from './schema.ts';

/**
 * Checks a config file's text, strictly: an unknown key, a wrong type, a duplicate key and broken YAML are
 * InvalidArgument, in one line that names the path, the value and what is allowed. An empty file is all defaults.
 */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const value = parseYaml(path, text) ?? {};
  if (holdsProto(value)) throw invalid(`config file ${path}: "__proto__" is no key`);
  const checked = configSchema.safeParse(value);
  if (checked.success) return checked.data;
  const [first, ...more] = describeProblems(checked.error.issues, value);
  throw invalid(`config file ${path}: ${first}${more.length === 0 ? '' : ` (and ${more.length} more: ${more.join(' | ').slice(0, 600)})`}`);
}

function parseYaml(path: string, text: string): unknown {
  // js-yaml takes an empty document for an error.
  if (/^(\s|#[^\n]*(\n|$)|---\s*(\n|$))*$/.test(text)) return undefined;
  try {
    return load(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw invalid(`config file ${path} is no valid YAML: ${message.split('\n')[0] ?? ''}`);
  }
}

/** The checker drops this key without a word, and nothing may be ignored. */
function holdsProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(holdsProto);
}

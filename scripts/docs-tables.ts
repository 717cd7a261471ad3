import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODES, exitCodeTable } from '../src/cli/exit-codes.ts';
import { DAEMON_FLAGS } from '../src/config/flags.ts';
import { configReference } from '../src/config/reference.ts';
import type { CallContext, ConvoyDriver, DriverDeps, Operations } from '../src/convoy/contract.ts';
import { type ErrorCode, isConvoyError } from '../src/convoy/errors.ts';
import { localId } from '../src/convoy/ids.ts';
import { CONTEXT, PARAMETER } from '../src/convoy/names.ts';
import { type CreateVolumeOptions, OPTION, type OptionKey, STORAGE_CLASS_OPTIONS } from '../src/convoy/options.ts';
import { DriverRegistry } from '../src/convoy/registry.ts';
import { CAPABILITIES } from '../src/csi/capabilities.ts';
import { RPC_NAMES } from './docs-rpc-names.ts';
import { statusName, statusOf } from '../src/csi/status.ts';
import { registerAll } from '../src/drivers/all.ts';
import { METRICS } from '../src/observe/metric-catalogue.ts';

/**
 * The tables of the documentation, made from what the code says and does: never typed by hand. Whether a driver takes an option
 * is found out by asking it for a volume with that option, on storage that is not there.
 */
const ROOT = join(import.meta.dirname, '..');

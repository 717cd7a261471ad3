import type { ConvoyDriver } from '../convoy/contract.ts';
import { decorateDriver, withDeadline, withObserver } from '../convoy/decorate.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';

/**
 * Calls that only read and are quick on storage that is well. They alone get a deadline: a changing call that was given up might
 * still take effect, beside its own retry.
 */
const QUICK_READS: ReadonlySet<string> = new Set([
  'driver.info',
  'storage.readMarker',
  'storage.isEmpty',
  'storage.assertSame',
  'storage.place',
  'records.readRecord',
  'records.listRecords',
  'trash.listTrash',
  'trash.readTrashRecord',
  'capacity.capacity',
  'health.volumeHealth',
  'health.storageHealth',
  'stats.volumeStats',
  'volume.getVolumeInfo',
  'volume.listVolume',
  'snapshot.getSnapshotInfo',
  'snapshot.listSnapshot',
  'access.devices',
  'holders.holders',
  'holders.heldBy',
]);
/** A proof before every call and a read of every list: counting them would say nothing. */
const UNCOUNTED: ReadonlySet<string> = new Set(['storage.assertSame', 'storage.place', 'records.readRecord']);
const DEADLINE_MS = 30_000;

/** Metrics, debug log and deadlines about every driver call, in this order from the outside. */
export function decorate(metrics: Pick<Metrics, 'driverCallFinished'>, log: Log): (pool: string, driver: ConvoyDriver) => ConvoyDriver {
  return (pool, driver) => {
    const late = (name: string): Error =>
      new ConvoyError(
        'Unavailable',
        `pool ${pool}: ${name} has not answered within ${DEADLINE_MS / 1000} s: its disk or server hangs (see dmesg)`,
      );
    const observe = (name: string, seconds: number, error: unknown): void => {
      if (UNCOUNTED.has(name)) return;
      const code = error === undefined ? 'OK' : isConvoyError(error) ? error.code : 'Internal';
      metrics.driverCallFinished(pool, name, code, seconds);
      log.debug({ pool, driver: driver.name(), call: name, code, duration_ms: Math.round(seconds * 1000) }, 'driver call');
    };
    return decorateDriver(decorateDriver(driver, withDeadline(QUICK_READS, DEADLINE_MS, late)), withObserver(observe));
  };
}

/** Adjacent minor versions of controller and agent work together; anything further apart is not tested. */
export function isSkewed(own: string, other: string): boolean {
  const [ownMajor, ownMinor] = partsOf(own);
  const [major, minor] = partsOf(other);
  return major !== ownMajor || !(Math.abs(minor - ownMinor) <= 1);
}

/** NaN for what is no number: it never counts as adjacent. */
function partsOf(version: string): readonly [number, number] {
  const [, major, minor] = /^v?(\d+)\.(\d+)(?:\.|$)/.exec(version) ?? [];
  return [Number(major ?? Number.NaN), Number(minor ?? Number.NaN)];
}

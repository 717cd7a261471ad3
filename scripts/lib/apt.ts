import { spawnSync } from 'node:child_process';

/** Installs Debian packages, saying so; true if apt-get did. Its lists are fetched only when the packages are not found without. */
export function installDebianPackages(packages: readonly string[], say: (line: string) => void): boolean {
  say(`Installing the Debian packages ${packages.join(', ')} (apt-get install) …`);
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 5 * 60_000,
    }).status === 0;
  const get = ['install', '-y', '--no-install-recommends', ...packages];
  return apt(...get) || (apt('update') && apt(...get));
}

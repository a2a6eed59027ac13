import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './command.ts';
import type { BedLayout } from './bed/layout.ts';

const baseImage = 'localhost/node:22-bookworm-slim';
const buildMsMax = 900_000;
const searchPath = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ImagesOptions {
  readonly layout: BedLayout;
  /** The repository. */
  readonly root: string;
}

/** Builds the images as a user would, on a base that was made here, since the hosts' machine may reach no registry. */
export class Images {
  readonly #options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /** Folder with the archives, for ansible. */
  get directory(): string {
    return join(this.#options.root, 'dist', 'images');
  }

  async build(version: string): Promise<void> {
    const podman = this.#podman();
    const { root, layout } = this.#options;
    const { status } = await attempt(podman, ['image', 'exists', baseImage]);
    if (status !== 0) {
      await run(podman, ['import', '--change', searchPath, layout.nodeBase, baseImage], {
        timeoutMs: buildMsMax,
      });
    }
    const engine = ['--engine', podman, '--build-option=--isolation=chroot'];
    const what = ['--base', baseImage, '--version', version, '--save'];
    await run('node', [join(root, 'images', 'build.mjs'), ...engine, ...what], { timeoutMs: buildMsMax });
  }

  /** podman, also where limits can't be raised; a program of its own, because the build takes a name. */
  #podman(): string {
    const { directory, helpers } = this.#options.layout;
    const path = join(directory, 'podman');
    // Anew each time: the one that is there may be of another clone.
    writeFileSync(path, `#!/bin/sh\nexec python3 '${join(helpers, 'keep-limits.py')}' podman "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }
}

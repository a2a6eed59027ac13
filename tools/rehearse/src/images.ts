import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import type { TestBedLayout } from './bed/layout.ts';

const baseImage = 'localhost/node:22-bookworm-slim';
const buildMsMax = 900_000;
const searchPath = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ImagesOptions {
  readonly layout: TestBedLayout;
  /** Path of the repository. */
  readonly root: string;
}

/**
 * Builds the images with the repository's build script, on a base that was built here, because the machine may reach no
 * registry.
 */
export class Images {
  readonly #options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /** Folder of the image archives, for ansible. */
  get directory(): string {
    return join(this.#options.root, 'dist', 'images');
  }

  async build(version: string): Promise<void> {
    const podman = this.#podman();
    const { root, layout } = this.#options;
    const { status } = await attemptCommand(podman, ['image', 'exists', baseImage]);
    if (status !== 0) {
      await runCommand(podman, ['import', '--change', searchPath, layout.nodeBase, baseImage], {
        timeoutMs: buildMsMax,
      });
    }
    const engine = ['--engine', podman, '--build-option=--isolation=chroot'];
    const what = ['--base', baseImage, '--version', version, '--save'];
    await runCommand('node', [join(root, 'images', 'build.mjs'), ...engine, ...what], {
      timeoutMs: buildMsMax,
    });
  }

  /**
   * Writes a podman wrapper for machines that can't raise resource limits; the build script takes the name of one
   * program.
   */
  #podman(): string {
    const { directory, helpers } = this.#options.layout;
    const path = join(directory, 'podman');
    // Written each time: an existing file may belong to another clone.
    writeFileSync(path, `#!/bin/sh\nexec python3 '${join(helpers, 'keep-limits.py')}' podman "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }
}

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
 * Builds the images with the repository's build script. The base image is built on this machine, because the
 * machine may have no access to a registry.
 */
export class Images {
  readonly #options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /** Folder of the image archives, which ansible copies to the hosts. */
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
   * Writes a wrapper script that runs podman on machines that can't raise resource limits. The build script
   * accepts only the path of one program.
   * @returns the path of the wrapper script
   */
  #podman(): string {
    const { directory, helpers } = this.#options.layout;
    const path = join(directory, 'podman');
    // The wrapper is written each time, because an existing file may belong to another clone of the repository.
    writeFileSync(path, `#!/bin/sh\nexec python3 '${join(helpers, 'keep-limits.py')}' podman "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }
}

/** One build of the appliance. A cluster can run several builds at the same time, as during a rolling update. */
export interface ApplianceBuild {
  /** Path of the bundle. */
  readonly script: string;
  /** The environment variables that this build accepts; a build rejects settings that it does not have. */
  readonly variables: ReadonlySet<string>;
}

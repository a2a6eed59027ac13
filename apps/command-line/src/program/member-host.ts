/** Where the member of this host answers. */
export interface HostConnection {
  /** HTTP address of the member. */
  readonly server: string;
  /** File with the admin token; null if the member has no token. */
  readonly tokenFile: string | null;
}

export interface RestoreRequest {
  readonly file: string;
  /** Data directory; absent: from the configuration of the member. */
  readonly data?: string;
  /** Member id; absent: from the configuration of the member. */
  readonly id?: string;
  readonly progress: (line: string) => void;
}

/** What the program of an appliance offers beside the HTTP API, because it runs on the host of a member. */
export interface MemberHost {
  /** Reads the configuration of the member. @throws CommandError the configuration is invalid */
  readonly connection: () => HostConnection;
  /** Fills the empty data directory of the stopped member. @throws CommandError nothing has changed */
  readonly restore: (request: RestoreRequest) => Promise<void>;
}

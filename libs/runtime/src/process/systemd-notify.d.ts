declare module 'systemd-notify' {
  /** Runs the program `systemd-notify`. Rejects when the program is missing or fails. */
  function notify(options: { ready?: boolean; status?: string; pid?: number }): Promise<unknown>;
  export = notify;
}

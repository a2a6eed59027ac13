/** The versions of MQTT whose normative statements this package lists. */
export const versions = ['3.1.1', '5.0'] as const;
export type Version = (typeof versions)[number];

/** The side that a normative statement binds. */
export type Concerns = 'server' | 'client' | 'both';

/** One normative statement of the standard, with the identifier of its Appendix B. */
export interface Clause {
  /** Identifier of Appendix B, for instance `MQTT-3.1.2-8`. It has another meaning in the other version. */
  readonly id: string;
  /** What the statement requires, in our own words. */
  readonly summary: string;
  readonly concerns: Concerns;
}

/** What the document adds to a clause. */
export interface Note {
  /** What this server does where the standard leaves a choice. */
  readonly choice?: string;
  /** Settings that change the behaviour, by their names in docs/DESIGN.md, "Bounds". */
  readonly settings?: readonly string[];
  /** Why a clause that binds a server needs no test. */
  readonly reason?: string;
}

const clause =
  (concerns: Concerns) =>
  (number: string, summary: string): Clause => ({ id: `MQTT-${number}`, summary, concerns });

export const server = clause('server');
export const client = clause('client');
export const both = clause('both');

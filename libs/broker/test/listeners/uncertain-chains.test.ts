import type { CertificateChain, Revocations } from '@mqtt-cluster/contracts';
import { DepartedCertificates } from '../../src/connection/departed-certificates.ts';

/** Lists that contain no certificate of a client. */
const lists: Revocations = {
  lists: [],
  nextUpdateSeconds: null,
  chainOf: () => chain,
  contains: () => false,
  endsOpen: ({ isCertain }) => !isCertain,
};
const chain: CertificateChain = { certificates: [], isCertain: false };
const departed = { client: 'c', user: 'u', epoch: 1, listener: 'l', chain, untilMs: 60_000 };

test('the will of a client with an uncertain chain is discarded by lists that come later, not by those in force', () => {
  const revoked: string[] = [];
  const certificates = new DepartedCertificates((clients) => {
    revoked.push(...clients.map(({ client }) => client));
  });
  certificates.setRevocations('l', lists, 0);
  certificates.add(departed);
  expect(revoked).toEqual([]);
  certificates.setRevocations('l', lists, 1);
  expect(revoked).toEqual(['c']);
});

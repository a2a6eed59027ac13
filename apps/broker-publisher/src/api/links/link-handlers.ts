import type { LinkAdministration } from '../../links/link-administration.ts';
import { LinkFault } from '../../links/link-administration.ts';
import { ApiProblem } from '../http/api-problem.ts';
import type { ApiHandlers } from '../http/handler.ts';

type Ids = 'listLinks' | 'putLink' | 'deleteLink' | 'pauseLink' | 'resumeLink' | 'testLink';

/** Returns the handlers of the operations on links to other brokers. */
export function linkHandlers(links: LinkAdministration): ApiHandlers<Ids> {
  return {
    listLinks: () => links.list(),
    putLink: ({ params, body }) => done(links.put(params.name, body)),
    deleteLink: ({ params }) => done(links.remove(params.name)),
    pauseLink: ({ params }) => done(links.setPaused(params.name, true)),
    resumeLink: ({ params }) => done(links.setPaused(params.name, false)),
    testLink: ({ params }) => refusing(links.test(params.name)),
  };
}

async function done(change: Promise<string>): Promise<{ ok: true; text: string }> {
  return { ok: true, text: await refusing(change) };
}

/** @throws ApiProblem the change is refused */
async function refusing<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof LinkFault)) throw error;
    throw new ApiProblem(error.code, error.message);
  }
}

/** Kind of the question for the report of a member. */
export const memberQuestion = 'api.member';

/** Kind of the question that drains a member or ends its drain. */
export const drainQuestion = 'api.drain';

import { type ApiClient, asError } from '../client.ts'
import { count, enumOption, requirePositional, taskIdOf, textOption } from './arguments.ts'
import type { Command } from './index.ts'
import { trackIdOf } from './track-id.ts'

interface Answer {
  readonly __typename: string
  readonly count?: number
  readonly message?: string
  readonly code?: string
}

export const retry: Command = {
  name: 'retry',
  usage: 'retry TASK | retry --track TRACK | retry --type STAGE',
  words: 1,
  summary: 'sends a failed task back to the backlog, or all failed ones of a track or a stage',
  options: { track: { type: 'string' }, type: { type: 'string' } },
  async run(invocation) {
    const { api, isJson, print } = invocation
    const [track, type] = [textOption(invocation, 'track'), enumOption(invocation, 'type')]
    const retried =
      track || type
        ? await retryFailed(api, track, type)
        : await retryOne(api, requirePositional(invocation, 0, 'a task, --track or --type'))
    print(isJson ? JSON.stringify({ retried }) : `${count(retried, 'task')} retried`)
    return 0
  },
}

async function retryOne(api: ApiClient, task: string): Promise<number> {
  const { retryTask } = await api.request<{ retryTask: Answer }>(
    'mutation ($id: ID!) { retryTask(taskId: $id) { __typename ... on Error { message code } } }',
    { id: taskIdOf(task) },
  )
  if (retryTask.message) throw asError(retryTask)
  return 1
}

async function retryFailed(api: ApiClient, track: string | undefined, type: string[] | null): Promise<number> {
  const { retryFailedTasks } = await api.request<{ retryFailedTasks: Answer }>(
    `mutation ($filter: FailedTasksFilter!) {
      retryFailedTasks(filter: $filter) { __typename ... on RetriedTasks { count } ... on Error { message code } }
    }`,
    {
      filter: {
        ...(track ? { trackId: await trackIdOf(api, track) } : {}),
        ...(type ? { type } : {}),
      },
    },
  )
  if (retryFailedTasks.message) throw asError(retryFailedTasks)
  return retryFailedTasks.count ?? 0
}

import type { Environment } from '../../environment.ts'
import { SyncError } from '../../errors.ts'

/** What the workspace holds, as far as a first config needs to know. */
export interface WorkspaceObject {
  readonly name: string
  readonly plural: string
  readonly fields: number
}

/** @throws SyncError when Twenty cannot be reached, the key is refused, or the answer is not Twenty's. */
export async function readWorkspace(url: string, apiKey: string, env: Environment): Promise<WorkspaceObject[]> {
  const [{ createTwentyClient }, { memoryState }, { localCoordinator }] = await Promise.all([
    import('../../clients/twenty/client.ts'),
    import('../../state/memory.ts'),
    import('../../state/local-coordinator.ts'),
  ])
  const { clock } = env
  const client = createTwentyClient(
    { url, apiKey, timeout: '15s' },
    { name: 'twenty', env, state: memoryState({ clock }), coordinator: localCoordinator({ clock }) },
  )
  const schema = await client.schemas.refresh()
  return [...schema.objects.values()]
    .map(({ name, plural, fields }) => ({ name, plural, fields: fields.size }))
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** @throws SyncError rejected `CONFIG` with what is wrong with it. */
export function checkUrl(text: string): URL {
  const wrong = (why: string) => new SyncError('rejected', 'CONFIG', `the URL "${text}" ${why}`)
  if (!URL.canParse(text)) throw wrong('is none; it looks like https://api.twenty.com')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw wrong('is neither https:// nor http://')
  if (url.username || url.password || url.search)
    throw wrong('holds more than an address; leave out credentials and query')
  return url
}

export function isInTheOpen({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

import { join } from 'node:path'
import { dataFolder, startGuarded, untilListening } from './guarded-process.ts'
import { NotAvailable } from './look-up.ts'
import { javaAtLeast, unpacked } from './maven.ts'
import { freePorts } from './ports.ts'

/** The newest that Java 17 runs. */
const VERSION = '2.6.13.Final'

export interface RegistryService {
  /** Base of the Confluent-compatible API. */
  readonly url: string
  readonly kind: 'external' | 'maven'
  readonly found: string
  stop(): Promise<void>
}

/**
 * A schema registry with Confluent's API: the one that REGISTRY_URL names, else Apicurio Registry from Maven Central, in
 * memory. Gone with this process. @throws NotAvailable when neither can be had.
 */
export async function startRegistry(): Promise<RegistryService> {
  const named = process.env.REGISTRY_URL
  if (named) return { url: named, kind: 'external', found: `schema registry at ${named}`, stop: async () => {} }
  const java = await javaAtLeast(17)
  const artifact = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`
  const installed = await unpacked(`apicurio-${VERSION}`, artifact)
  const folder = await dataFolder('registry')
  const [port] = (await freePorts(1)) as [number]
  const jar = join(installed, `apicurio-registry-app-${VERSION}-runner.jar`)
  const settings = [`-Dquarkus.http.port=${port}`, '-Dquarkus.http.host=127.0.0.1']
  const memory = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const server = startGuarded(java, [...memory, ...settings, '-jar', jar], {
    dataFolder: folder.path,
    cwd: installed,
  })
  const stop = async () => {
    await server.end(0)
    await folder.remove()
  }
  await untilListening(port, server, 60_000).catch(async error => {
    await stop()
    throw new NotAvailable(`Apicurio Registry did not start: ${error.message}`)
  })
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  return { url, kind: 'maven', found: `Apicurio Registry ${VERSION} from Maven Central, started on port ${port}`, stop }
}

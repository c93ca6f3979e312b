import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, NotAvailable, run, which } from './look-up.ts'

/** `group:artifact:version`. */
export type Coordinate = string

/** Folder `lib` with the jars of the artifacts and all that they need at run time, fetched by Maven once. */
export async function jarsOf(name: string, artifacts: readonly Coordinate[]): Promise<string> {
  const folder = await cached(name, async fresh => {
    const mvn = await which('mvn')
    if (!mvn) throw new NotAvailable('mvn is not on the PATH')
    await writeFile(join(fresh, 'pom.xml'), pomOf(artifacts))
    await mkdir(join(fresh, 'lib'))
    const goal = 'dependency:copy-dependencies'
    const ran = await run(mvn, ['-B', goal, '-DincludeScope=runtime', `-DoutputDirectory=${fresh}/lib`], { cwd: fresh })
    if (ran.status !== 0) throw new NotAvailable(`mvn failed: ${ran.output.split('\n').slice(-5).join(' ')}`)
  })
  return join(folder, 'lib')
}

/** The java to use. @throws NotAvailable when there is none, or one older than `atLeast`. */
export async function javaAtLeast(atLeast: number): Promise<string> {
  const home = process.env.JAVA_HOME
  const java = home ? join(home, 'bin', 'java') : await which('java')
  if (!java) throw new NotAvailable('java is not on the PATH')
  const version = Number(/version "(\d+)/.exec((await run(java, ['-version'])).output)?.[1] ?? 0)
  if (version < atLeast) throw new NotAvailable(`java ${version} is older than ${atLeast}`)
  return java
}

function pomOf(artifacts: readonly Coordinate[]): string {
  const dependencies = artifacts.map(artifact => {
    const [group, id, version] = artifact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`
  })
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>twenty-sync</groupId><artifactId>services</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`
}

/** Folder with the contents of an artifact's archive, `group:artifact:version:packaging:classifier`, fetched once. */
export function unpacked(name: string, artifact: Coordinate): Promise<string> {
  return cached(name, async fresh => {
    const mvn = await which('mvn')
    if (!mvn) throw new NotAvailable('mvn is not on the PATH')
    await writeFile(join(fresh, 'pom.xml'), pomOf([]))
    // Not in batch mode, so that a long download shows that it goes on.
    const args = ['dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${fresh}`]
    const ran = await run(mvn, args, { cwd: fresh })
    if (ran.status !== 0) throw new NotAvailable(`mvn failed: ${ran.output.split('\n').slice(-5).join(' ')}`)
  })
}

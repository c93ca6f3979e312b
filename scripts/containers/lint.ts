import { parse } from 'yaml'
import { execForm, type Instruction, type Stage, stagesOf } from './dockerfile.ts'

/** What the files around the containers look like; `exists` is asked for paths beside docker-compose.yml. */
export interface ContainerFiles {
  readonly compose: string
  readonly dockerfile: string
  exists(path: string): boolean
}

interface Service {
  readonly image?: string
  readonly build?: unknown
  readonly user?: string
  readonly privileged?: boolean
  readonly restart?: string
  readonly mem_limit?: string
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean }
  readonly depends_on?: Readonly<Record<string, { readonly condition?: string }>> | readonly string[]
  readonly volumes?: readonly (string | { readonly source?: string })[]
  readonly configs?: readonly (string | { readonly source: string })[]
  readonly ports?: readonly string[]
  readonly environment?: Readonly<Record<string, unknown>>
  readonly command?: readonly string[]
}

interface Compose {
  readonly services?: Readonly<Record<string, Service>>
  readonly volumes?: Readonly<Record<string, unknown>>
  readonly configs?: Readonly<Record<string, unknown>>
}

const SECRET_NAME = /(PASSWORD|SECRET|TOKEN|API_?KEY|AUTH)$/i

/** Everything that is wrong, as `place: what`. Empty is good. */
export function lintContainers(files: ContainerFiles): string[] {
  return [...lintCompose(files), ...lintDockerfile(files)]
}

function lintCompose({ compose, exists }: ContainerFiles): string[] {
  const document = parse(compose, { merge: true }) as Compose
  const services = Object.entries(document.services ?? {})
  const found = services.flatMap(([name, service]) => {
    const rules = [
      ...imageRules(service),
      ...runtimeRules(service),
      ...dependencyRules(service, document.services ?? {}),
      ...volumeRules(service, document, exists),
      ...secretRules(service),
    ]
    return rules.map(what => `docker-compose.yml, ${name}: ${what}`)
  })
  return [...found, ...unusedRules(document)]
}

function imageRules({ image, build }: Service): string[] {
  if (!image && !build) return ['has neither image nor build']
  return image && !isPinned(image) ? [`image ${image} needs a tag of a version`] : []
}

function runtimeRules(service: Service): string[] {
  const { user = '', healthcheck, privileged, restart, mem_limit } = service
  return [
    ...(/^(|root|0)(:.*)?$/.test(user) ? ['needs a user other than root'] : []),
    ...(privileged ? ['may not be privileged'] : []),
    ...(healthcheck?.test && !healthcheck.disable ? [] : ['needs a healthcheck']),
    ...(restart ? [] : ['needs a restart policy']),
    ...(mem_limit ? [] : ['needs a memory limit']),
  ]
}

function dependencyRules({ depends_on }: Service, services: Readonly<Record<string, Service>>): string[] {
  if (!depends_on) return []
  if (Array.isArray(depends_on)) return ['depends_on must say the condition']
  return Object.entries(depends_on).flatMap(([name, { condition }]) => [
    ...(services[name] ? [] : [`depends on ${name}, which does not exist`]),
    ...(condition === 'service_healthy' ? [] : [`must wait until ${name} is healthy`]),
  ])
}

function volumeRules({ volumes = [], configs = [] }: Service, document: Compose, exists: (path: string) => boolean) {
  const sources = volumes.map(volume => (typeof volume === 'string' ? volume.split(':')[0]! : (volume.source ?? '')))
  const isPath = (source: string) => /^[./~]/.test(source)
  return [
    ...sources
      .filter(source => !isPath(source) && !(source in (document.volumes ?? {})))
      .map(source => `volume ${source} is not declared`),
    ...sources.filter(source => isPath(source) && !exists(source)).map(source => `${source} does not exist`),
    ...configs
      .map(config => (typeof config === 'string' ? config : config.source))
      .filter(source => !(source in (document.configs ?? {})))
      .map(source => `config ${source} is not declared`),
  ]
}

/** P9: a secret comes from outside, and a missing one is an error, not an empty password. */
function secretRules({ environment = {}, command = [] }: Service): string[] {
  const named = Object.entries(environment).filter(([name]) => SECRET_NAME.test(name))
  const passwords = command.filter((_, i) => command[i - 1] === '--requirepass').map(value => ['--requirepass', value])
  return [...named, ...passwords]
    .filter(([, value]) => !/\$\{\w+:\?/.test(String(value)))
    .map(([name]) => `${name} must be a reference that fails when it is missing: \${NAME:?}`)
}

function unusedRules({ services = {}, volumes = {} }: Compose): string[] {
  const used = Object.values(services).flatMap(({ volumes: own = [] }) => own.map(each => String(each).split(':')[0]))
  return Object.keys(volumes)
    .filter(name => !used.includes(name))
    .map(name => `docker-compose.yml: volume ${name} is not used`)
}

function lintDockerfile({ dockerfile, exists }: ContainerFiles): string[] {
  const stages = stagesOf(dockerfile)
  const last = stages.at(-1)
  if (!last) return ['Dockerfile: has no FROM']
  const found = [
    ...stages.filter(({ image }) => !isPinned(image)).map(({ image }) => `image ${image} needs a tag of a version`),
    ...finalRules(last),
    ...stages.flatMap(stage => stage.instructions.flatMap(each => stepRules(each, stages, exists))),
  ]
  return found.map(what => `Dockerfile: ${what}`)
}

function finalRules({ instructions }: Stage): string[] {
  const textsOf = (name: string) => instructions.filter(each => each.name === name).map(({ text }) => text)
  const [user, entrypoint] = [textsOf('USER').at(-1), textsOf('ENTRYPOINT').at(-1)]
  return [
    ...(user && !/^(root|0)(:|$)/.test(user) ? [] : ['the last stage needs a USER other than root']),
    ...(textsOf('HEALTHCHECK').some(text => text.includes('/readyz')) ? [] : ['needs a HEALTHCHECK of /readyz']),
    // In shell form the shell would be process 1, and SIGTERM would not reach the daemon.
    ...(entrypoint && execForm(entrypoint) ? [] : ['needs an ENTRYPOINT in exec form']),
  ]
}

function stepRules({ name, text, line }: Instruction, stages: readonly Stage[], exists: (path: string) => boolean) {
  const at = (what: string) => `line ${line}: ${what}`
  if (name === 'ADD') return [at('use COPY')]
  if (name === 'RUN' && /npm (ci|i|install)\b/.test(text) && !text.includes('--ignore-scripts')) {
    return [at('npm must not run install scripts')]
  }
  if (name !== 'COPY') return []
  const { from, sources } = copyOf(text)
  if (from !== undefined) return stages.some(stage => stage.name === from) ? [] : [at(`no stage ${from}`)]
  return sources.filter(source => !exists(source)).map(source => at(`${source} does not exist`))
}

export function copyOf(text: string): { from: string | undefined; sources: string[]; target: string } {
  const words = text.split(/\s+/)
  const from = words.find(word => word.startsWith('--from='))?.slice('--from='.length)
  const paths = words.filter(word => !word.startsWith('--'))
  return { from, sources: paths.slice(0, -1), target: paths.at(-1)! }
}

/** A tag with a number, and not one that moves by design. */
function isPinned(image: string): boolean {
  const tag = /:([^/:]+)$/.exec(image)?.[1]
  return image.includes('@sha256:') || (tag !== undefined && /\d+\.\d+/.test(tag))
}

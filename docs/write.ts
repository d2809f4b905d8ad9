import { readFile, writeFile } from 'node:fs/promises'
import { describeConfig } from '../worker/config.ts'
import { pipelines } from '../worker/pipelines/index.ts'
import { describeProviders } from '../worker/providers/index.ts'

/** Writes what the documentation repeats from the code: the tables of the README and `.env.example`. `--check` only compares. */
const isCheck = process.argv.includes('--check')
const root = new URL('../', import.meta.url)

const own = describeConfig()
const variables = [
  ...own,
  ...describeProviders()
    .map((one) => ({
      name: one.name,
      fallback: one.fallback ?? '',
      description: one.provider ? `${one.description} (${one.provider})` : one.description,
      isSecret: one.isSecret,
    }))
    .filter((one) => !own.some(({ name }) => name === one.name)),
]

const configTable = [
  '| Variable | Default | Meaning |',
  '| --- | --- | --- |',
  ...variables.map(
    (one) =>
      `| \`${one.name}\` | ${one.fallback ? `\`${one.fallback}\`` : ''} | ${one.description.replaceAll('|', '\\|')}${one.isSecret ? ' — secret' : ''} |`,
  ),
].join('\n')

const stageTable = pipelines
  .map((pipeline) =>
    [
      `**${pipeline.name}**: ${pipeline.description}.`,
      '',
      '| Stage | After | Makes | Milestone |',
      '| --- | --- | --- | --- |',
      ...pipeline.stages.map((stage) => {
        const after = [...stage.after, ...stage.optionalAfter].map((one) => `\`${one.name}\``).join(', ')
        return `| \`${stage.name}\` | ${after} | ${stage.description} | ${stage.milestone ? `\`${stage.milestone}\`` : ''} |`
      }),
    ].join('\n'),
  )
  .join('\n\n')

const environmentExample = [
  '# Every variable Refrain reads. None is needed: the defaults run everything on this machine, offline.',
  '',
  ...variables.flatMap((one) => [`# ${one.description}`, `#${one.name}=${one.isSecret ? '' : one.fallback}`, '']),
].join('\n')

const readme = await readFile(new URL('README.md', root), 'utf8')
const files: Record<string, string> = {
  'README.md': fill(fill(readme, 'configuration', configTable), 'stages', stageTable),
  '.env.example': environmentExample,
}

let stale = 0
for (const [name, text] of Object.entries(files)) {
  const before = await readFile(new URL(name, root), 'utf8').catch(() => '')
  if (before === text) continue
  stale++
  if (isCheck) process.stderr.write(`${name} is out of date: run \`npm run docs\`\n`)
  else await writeFile(new URL(name, root), text)
}
if (isCheck && stale > 0) process.exitCode = 1

/** Puts text between `<!-- name -->` and `<!-- /name -->`. */
function fill(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start) throw new Error(`README.md has no ${open} … ${close}`)
  return `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`
}

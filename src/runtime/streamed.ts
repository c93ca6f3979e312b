/** What the work pushes, one after the other; ends or throws as the work does. The work is not slowed by its reader. */
export async function* streamed<Item>(work: (push: (item: Item) => void) => Promise<void>): AsyncIterable<Item> {
  const items: Item[] = []
  let wake: () => void = () => {}
  let failure: { readonly thrown: unknown } | undefined
  let isOver = false
  const push = (item: Item) => {
    items.push(item)
    wake()
  }
  const done = work(push)
    .catch(thrown => {
      failure = { thrown }
    })
    .finally(() => {
      isOver = true
      wake()
    })
  for (;;) {
    const [next] = items.splice(0, 1)
    if (next !== undefined) yield next
    else if (isOver) break
    else {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  await done
  if (failure) throw failure.thrown
}

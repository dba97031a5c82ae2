/** As files: a source on its own topic, and segments whose members do not depend on when something came in. */
export const workspace = {
  'freshet.yaml': 'name: identity-storm\nsecret: a secret of the storm\n',
  'identity.yaml': 'sightings_every: 1s\n',
  'sources/storm.yaml': `
source: storm
description: What people do under all their names
owner: tests
topic: {}
cadence: realtime
lateness: 1s
events: [Identify, Order Completed]
transform:
  - when: record.what == "Identify"
    type: identify
    message_id: record.id
    occurred_at: record.at
    identifiers: { user_id: record.user_id, email: record.email, card: record.card, anonymous_id: record.anonymous_id, device_id: record.device_id }
    traits: record.traits
  - event: =record.what
    message_id: record.id
    occurred_at: record.at
    identifiers: { user_id: record.user_id, email: record.email, card: record.card, anonymous_id: record.anonymous_id, device_id: record.device_id }
    properties: record.properties
`,
  'segments/buyer.yaml': `
segment: buyer
description: Bought twice, under whichever names
when:
  count: { of: Order Completed, within: 90d, at_least: 2 }
`,
  'segments/spender.yaml': `
segment: spender
description: Spent enough, under whichever names
when:
  sum: { of: Order Completed, value: item.total, within: 90d, more_than: 400 }
`,
  'segments/gold.yaml': `
segment: gold
description: By what was said last
when:
  trait: { where: traits.plan == "gold" }
`,
};

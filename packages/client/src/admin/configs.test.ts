import { apis } from "@ottla/protocol";
import { expect, it } from "vitest";
import { adminWorld, askedOf } from "../../test/fake-admin.ts";

it("asks a named broker about itself, and any about the rest", async () => {
  const world = await adminWorld({ brokers: 3 });
  const synonyms = [{ name: "log.retention.ms", value: null, source: 4 }];
  const entry = {
    readOnly: false,
    isSensitive: false,
    configSource: 5,
    synonyms,
    configType: 5,
    documentation: "words",
  };
  world.on(apis.describeConfigs, ({ body }, nodeId) => ({
    results: body.resources.map(({ resourceType, resourceName }) => ({
      ...{ errorCode: 0, errorMessage: null, resourceType, resourceName },
      configs: [{ ...entry, name: "retention.ms", value: String(nodeId) }],
    })),
  }));
  const resources = [
    { type: "broker", name: "3" },
    { type: "topic", name: "3", keys: ["retention.ms"] },
    { type: "brokerLogger", name: "2" },
  ] as const;
  const options = { includeSynonyms: true, includeDocumentation: true };
  const described = await world.until(world.admin.describeConfigs(resources, options));
  expect(described[0]).toEqual({
    ...{ type: "broker", name: "3" },
    configs: [
      {
        ...{ name: "retention.ms", value: "3", source: "DEFAULT_CONFIG", isDefault: true, readOnly: false },
        ...{ sensitive: false, type: "LONG", documentation: "words" },
        synonyms: [{ name: "log.retention.ms", value: null, source: "STATIC_BROKER_CONFIG" }],
      },
    ],
  });
  expect(described.map(({ type, name }) => [type, name])).toEqual(resources.map(({ type, name }) => [type, name]));
  expect(described[2]?.configs[0]?.value).toBe("2");
  const asked = world.cluster.brokers.flatMap((broker) => broker.of(apis.describeConfigs));
  const topics = asked.flatMap(({ body }) => body.resources).filter(({ resourceType }) => resourceType === 2);
  expect(topics).toEqual([{ resourceType: 2, resourceName: "3", configurationKeys: ["retention.ms"] }]);
});

it("alters single settings, and passes on why one could not be", async () => {
  const world = await adminWorld();
  world.on(apis.incrementalAlterConfigs, ({ body }) => ({
    responses: body.resources.map(({ resourceType, resourceName }) => ({
      ...{ resourceType, resourceName },
      ...(resourceName === "good"
        ? { errorCode: 0, errorMessage: null }
        : { errorCode: 40, errorMessage: "Unknown topic config name: x" }),
    })),
  }));
  const error = await world.failure(
    world.admin.incrementalAlterConfigs(
      [
        {
          ...{ type: "topic", name: "good" },
          configs: [
            { name: "a", operation: "set", value: "1" },
            { name: "b", operation: "delete" },
            { name: "c", operation: "append", value: "2" },
            { name: "d", operation: "subtract", value: "3" },
          ],
        },
        { type: "topic", name: "bad", configs: [{ name: "x", operation: "set", value: "" }] },
      ],
      { validateOnly: true },
    ),
  );
  expect(error).toMatchObject({ code: "INVALID_CONFIG", serverMessage: "Unknown topic config name: x" });
  const [request] = world.cluster.broker(1).of(apis.incrementalAlterConfigs);
  expect(request?.body.validateOnly).toBe(true);
  expect(request?.body.resources[0]?.configs).toEqual([
    { name: "a", configOperation: 0, value: "1" },
    { name: "b", configOperation: 1, value: null },
    { name: "c", configOperation: 2, value: "2" },
    { name: "d", configOperation: 3, value: "3" },
  ]);
  expect(askedOf(world, apis.incrementalAlterConfigs)).toEqual([1]);
});

it("knows the settings of groups", async () => {
  const world = await adminWorld({ brokers: 2 });
  const set = { readOnly: false, isSensitive: false, configSource: 8, configType: 3, synonyms: [] };
  world.on(apis.describeConfigs, ({ body }) => ({
    results: body.resources.map(({ resourceType, resourceName }) => ({
      ...{ errorCode: 0, errorMessage: null, resourceType, resourceName },
      configs: [{ ...set, name: "consumer.session.timeout.ms", value: "50000" }],
    })),
  }));
  const [group] = await world.until(world.admin.describeConfigs([{ type: "group", name: "billing" }]));
  expect(group?.configs[0]).toMatchObject({ value: "50000", source: "DYNAMIC_GROUP_CONFIG", isDefault: false });
  const asked = world.cluster.brokers.flatMap((broker) => broker.of(apis.describeConfigs));
  expect(asked.map(({ body }) => body.resources[0]?.resourceType)).toEqual([32]);
});

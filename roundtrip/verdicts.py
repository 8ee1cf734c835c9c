"""What a measured effect says of an action: words of campaign_effects that later stages go by."""

HELPS, HARMS, OPEN = "helps", "harms", "open"

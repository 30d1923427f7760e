-- Three functions to write; README.md says what each must give. Everything here is a wrong answer of the right shape.

function classify(isa)
  local found = {}
  for _, name in ipairs(isa.names) do
    local after = isa:run(name, isa:state { user = true, r = { 1, 3, 0, 7 } })
    print(name, after.trap, after.r[1])        -- what you print is shown with the test
    found[name] = {}
  end
  return found
end

function virtualizable(isa)
  return nil, nil
end

function repair(isa)
  return nil
end
